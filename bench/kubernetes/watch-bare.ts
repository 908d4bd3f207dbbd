// The least a watcher can do: reads the stream and parses each line: node watch-bare.ts NAMESPACE
import type { EndpointSlice } from '../../packages/discovery/src/kubernetes/endpoints/endpoint-slice';
import { ApiServer, slicesPath } from './api-server';
import { changeOf, selector } from './churning-slices';
import { WatchGauge } from './watch-gauge';

const [namespace = ''] = process.argv.slice(2);
const gauge = new WatchGauge();

async function start(): Promise<void> {
  const server = await ApiServer.connect({ allowH2: true });
  const path = `${slicesPath(namespace)}?labelSelector=${encodeURIComponent(selector)}`;
  const list = (await server.send('GET', path)) as { metadata: { resourceVersion: string } };
  const version = list.metadata.resourceVersion;
  void read(await server.open(`${path}&watch=true&resourceVersion=${version}`));
}

async function read(chunks: AsyncIterable<Buffer>): Promise<void> {
  let parts: Buffer[] = [];
  for await (const chunk of chunks) {
    let start = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
      const line = Buffer.concat([...parts, chunk.subarray(start, end)]).toString('utf8');
      const { object } = JSON.parse(line) as { object: EndpointSlice };
      gauge.stamp(changeOf(object));
      parts = [];
      start = end + 1;
    }
    parts.push(chunk.subarray(start));
  }
  throw new Error('the API server has ended the watch');
}

gauge.serve({ start });
