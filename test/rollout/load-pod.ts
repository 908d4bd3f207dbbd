import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { kubectlIn } from '../cluster/kubectl';
import { kubectl, namespace } from '../deployed/deployed';
import { until } from '../until';

/** What came of the requests so far. */
export interface LoadTotals {
  readonly sent: number;
  readonly ok: number;
  readonly degraded: number;
  /** Without a rating, which movie waited for to its deadline. */
  readonly late: number;
  /** By reason. */
  readonly failed: Readonly<Record<string, number>>;
}

const name = 'load';
const generator = path.resolve(__dirname, '../../scripts/load-generator.mjs');
/** After an outage of the API server a node hears of new pods, and its proxy of new Services, a minute later. */
const followLimitMs = 110_000;

/**
 * A pod inside the cluster that sends a constant load: to `movie`, and one in ten a vote to `rating`. It asks the
 * Services by their addresses, since it is not DNS of its own that is tried.
 */
export class LoadPod {
  /** @param avoid - a node on which it must not be. */
  static async start(avoid = 'none'): Promise<LoadPod> {
    const script = await readFile(generator, 'utf8');
    const [movie, rating, image] = await Promise.all([
      kubectl('get', 'service/movie', '--output=jsonpath={.spec.clusterIP}'),
      kubectl('get', 'service/rating', '--output=jsonpath={.spec.clusterIP}'),
      // One that is there already, and has Node.
      kubectl('get', 'deployment/movie', '--output=jsonpath={..containers[0].image}'),
    ]);
    const env = { MOVIE_HOST: movie, RATING_HOST: rating };
    const list = {
      apiVersion: 'v1',
      kind: 'List',
      items: manifests({ image, script, env, avoid }),
    };
    const pod = new LoadPod();
    await LoadPod.remove();
    await kubectlIn(namespace, ['apply', '--filename=-'], { input: JSON.stringify(list) });
    await kubectl(
      'wait',
      '--for=condition=Ready',
      `pod/${name}`,
      `--timeout=${followLimitMs / 1000}s`,
    );
    await until(async () => (await pod.totals()).ok > 100, followLimitMs, 1000);
    return pod;
  }

  /** As of the last second. */
  async totals(): Promise<LoadTotals> {
    const line = (await kubectl('logs', name, '--tail=1')).trim();
    if (line === '') return { sent: 0, ok: 0, degraded: 0, late: 0, failed: {} };
    return JSON.parse(line) as LoadTotals;
  }

  /** Also one that did not start, or was left behind. */
  static async remove(): Promise<void> {
    await kubectl('delete', `pod/${name}`, '--ignore-not-found', '--grace-period=1');
    await kubectl('delete', `configmap/${name}`, '--ignore-not-found');
  }
}

interface LoadOptions {
  readonly image: string;
  readonly script: string;
  readonly env: Readonly<Record<string, string>>;
  readonly avoid: string;
}

/** Under Pod Security `restricted`, as everything in the namespace. */
function manifests({ image, script, env, avoid }: LoadOptions) {
  return [
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name },
      data: { 'load-generator.mjs': script },
    },
    {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name, labels: { 'movies/client': 'true' } },
      spec: {
        restartPolicy: 'Never',
        automountServiceAccountToken: false,
        enableServiceLinks: false,
        affinity: { nodeAffinity: notOn(avoid) },
        securityContext: {
          runAsNonRoot: true,
          runAsUser: 65_532,
          runAsGroup: 65_532,
          seccompProfile: { type: 'RuntimeDefault' },
        },
        containers: [
          {
            name,
            image,
            imagePullPolicy: 'IfNotPresent',
            command: ['/nodejs/bin/node', '/load/load-generator.mjs'],
            env: Object.entries(env).map(([key, value]) => ({ name: key, value })),
            securityContext: {
              allowPrivilegeEscalation: false,
              readOnlyRootFilesystem: true,
              capabilities: { drop: ['ALL'] },
            },
            volumeMounts: [{ name: 'script', mountPath: '/load', readOnly: true }],
          },
        ],
        volumes: [{ name: 'script', configMap: { name } }],
      },
    },
  ];
}

function notOn(node: string) {
  const other = { key: 'kubernetes.io/hostname', operator: 'NotIn', values: [node] };
  return {
    requiredDuringSchedulingIgnoredDuringExecution: {
      nodeSelectorTerms: [{ matchExpressions: [other] }],
    },
  };
}
