// Runs in a pod: asks movie so many times, each over a connection of its own, since over one connection a Service
// always leads to the same pod. Prints which instances served; exit code 1 unless every answer was 200.
import { request } from 'node:http';

const requests = Number(process.env.REQUESTS);

/** The headers of the answer, which must be 200. */
function ask(url) {
  return new Promise((resolve, reject) => {
    const sent = request(url, { agent: false, timeout: 5000 }, (answer) => {
      answer.resume();
      if (answer.statusCode === 200) resolve(answer.headers);
      else reject(new Error(`${url} answered ${answer.statusCode}`));
    });
    sent.once('timeout', () => sent.destroy(new Error(`${url}: no answer within 5 s`)));
    sent.once('error', reject);
    sent.end();
  });
}

async function main() {
  const served = new Map();
  for (let turn = 0; turn < requests; turn += 1) {
    const headers = await ask('http://movie/movie?id=1');
    const upstreams = headers['x-upstreams'].split(', ').map((upstream) => upstream.split('='));
    for (const [service, instance] of [['movie', headers['x-served-by']], ...upstreams]) {
      const key = `${service.padEnd(10)}${instance}`;
      served.set(key, (served.get(key) ?? 0) + 1);
    }
  }
  for (const [instance, times] of [...served].sort()) console.log(`${instance}  ${times} times`);
  console.log(`${requests} requests, all answered 200`);
}

main().catch((error) => {
  console.error(`make smoke: ${error.message}`);
  process.exitCode = 1;
});
