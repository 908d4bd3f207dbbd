import { until } from '../until';
import { nodeNames, testImage } from './cluster';
import { service } from './manifests';
import { run } from './run';
import { TestNamespace, type Manifest } from './test-namespace';

const limitMs = 110_000;
/** What a hook may take that waits for it. */
export const recoveryLimitMs = 3 * limitMs;

/**
 * Resolves when a cluster that was without its API server is what it was, for whatever test comes next: its aggregated
 * APIs answer, each node starts a new pod, and each node's proxy knows a new Service. All of them ask again less and
 * less often meanwhile, up to a minute apart.
 */
export async function clusterRecovered(): Promise<void> {
  await until(apisAreAvailable, limitMs, 1000);
  await using namespace = await TestNamespace.create();
  const nodes = nodeNames();
  await namespace.apply(service('probe'), ...nodes.map(probeOn));
  await namespace.kubectl('wait', '--for=condition=Ready', 'pod', '--all', '--timeout=110s');
  const address = await namespace.kubectl(
    'get',
    'service/probe',
    '--output=jsonpath={.spec.clusterIP}',
  );
  const script = `fetch('http://${address}:8080', { signal: AbortSignal.timeout(1000) }).catch(() => process.exit(1))`;
  const reaches = (node: string) =>
    namespace.kubectl('exec', node, '--', 'node', '--eval', script).then(
      () => true,
      () => false,
    );
  for (const node of nodes) await until(() => reaches(node), limitMs, 1000);
}

async function apisAreAvailable(): Promise<boolean> {
  const available = '{.items[*].status.conditions[?(@.type=="Available")].status}';
  const statuses = await run('kubectl', ['get', 'apiservices', `--output=jsonpath=${available}`]);
  return statuses.split(' ').every((status) => status === 'True');
}

/** A pod that the scheduler is not asked about. */
function probeOn(node: string): Manifest {
  const server = `require('node:http').createServer((_, answer) => answer.end()).listen(8080)`;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: node, labels: { app: 'probe' } },
    spec: {
      nodeName: node,
      terminationGracePeriodSeconds: 1,
      containers: [
        {
          name: 'server',
          image: testImage,
          imagePullPolicy: 'IfNotPresent',
          command: ['node', '--eval', server],
        },
      ],
    },
  };
}
