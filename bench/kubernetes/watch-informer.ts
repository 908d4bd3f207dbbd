// The informer of @kubernetes/client-node, which keeps the objects as they are: node watch-informer.ts NAMESPACE
import { changeOf, selector } from './churning-slices';
import { slicesPath } from './api-server';
import { endpointLines } from './endpoint-lines';
import { WatchGauge } from './watch-gauge';

const [namespace = ''] = process.argv.slice(2);
const gauge = new WatchGauge();

async function main(): Promise<void> {
  const { DiscoveryV1Api, KubeConfig, makeInformer } = await import('@kubernetes/client-node');
  const config = new KubeConfig();
  config.loadFromDefault();
  const api = config.makeApiClient(DiscoveryV1Api);
  const informer = makeInformer(
    config,
    slicesPath(namespace),
    () => api.listNamespacedEndpointSlice({ namespace, labelSelector: selector }),
    selector,
  );
  informer.on('update', (slice) => {
    gauge.stamp(changeOf(slice));
  });
  // It has stopped then, and what is measured after that is nothing.
  informer.on('error', (error) => {
    throw new Error(`the informer failed: ${String(error)}`);
  });
  gauge.serve({
    start: () => informer.start(),
    set: () => endpointLines(informer.list()),
  });
}

void main();
