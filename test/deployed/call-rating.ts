import { inPod, kubectl } from './deployed';

/** What came of some calls. */
export interface Calls {
  /** How often which answer came: its status and its body, as in `200 4.5`. */
  readonly answers: Readonly<Record<string, number>>;
  /** The pods that answered, in order. */
  readonly pods: readonly string[];
}

/** Calls the ready pods of rating in turn, from one of movie: the address of the Service might lead to those near by. */
export async function callRating(method: string, query: string, times = 1): Promise<Calls> {
  const ready = '{range .items[*].endpoints[?(@.conditions.ready==true)]}{.addresses[0]} {end}';
  const slices = ['endpointslices', '--selector=kubernetes.io/service-name=rating'];
  const hosts = (await kubectl('get', ...slices, `--output=jsonpath=${ready}`)).trim().split(' ');
  const script = `
    const { request } = require('node:http');
    const hosts = ${JSON.stringify(hosts)};
    const call = (host) => new Promise((resolve, reject) => {
      const options = { host, port: 8080, path: '/rating?${query}', method: '${method}' };
      request(options, async (answer) => {
        let body = '';
        for await (const chunk of answer) body += chunk;
        resolve({ answer: (answer.statusCode + ' ' + body).trim(), pod: answer.headers['x-served-by'] });
      }).on('error', reject).end();
    });
    (async () => {
      const answers = {}, pods = new Set();
      for (let number = 0; number < ${times}; number += 1) {
        const { answer, pod } = await call(hosts[number % hosts.length]);
        answers[answer] = (answers[answer] ?? 0) + 1;
        pods.add(pod);
      }
      console.log(JSON.stringify({ answers, pods: [...pods].sort() }));
    })();`;
  return JSON.parse(await inPod('movie', script)) as Calls;
}
