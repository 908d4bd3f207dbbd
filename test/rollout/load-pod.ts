import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { kubectlIn } from '../cluster/kubectl';
import { until } from '../until';

/** What came of the requests so far. */
export interface LoadTotals {
  readonly sent: number;
  readonly ok: number;
  readonly degraded: number;
  /** By reason. */
  readonly failed: Readonly<Record<string, number>>;
}

const name = 'load';

/**
 * A pod inside the cluster that sends a constant load: to `movie`, and one in ten a vote to `rating`. It asks the
 * Services by their addresses, since it is not DNS of its own that is tried.
 */
export class LoadPod {
  readonly #namespace: string;

  private constructor(namespace: string) {
    this.#namespace = namespace;
  }

  static async start(namespace: string, image: string): Promise<LoadPod> {
    const pod = new LoadPod(namespace);
    const script = await readFile(path.join(__dirname, 'load-generator.mjs'), 'utf8');
    const [movie, rating] = await Promise.all(['movie', 'rating'].map((of) => pod.#addressOf(of)));
    const list = { apiVersion: 'v1', kind: 'List', items: manifests(image, script, movie, rating) };
    await pod.#kubectl(['delete', 'pod', name, '--ignore-not-found', '--grace-period=1']);
    await pod.#kubectl(['apply', '--filename=-'], JSON.stringify(list));
    await pod.#kubectl(['wait', '--for=condition=Ready', `pod/${name}`, '--timeout=60s']);
    await until(async () => (await pod.totals()).ok > 100, 20_000);
    return pod;
  }

  /** As of the last second. */
  async totals(): Promise<LoadTotals> {
    const line = (await this.#kubectl(['logs', name, '--tail=1'])).trim();
    if (line === '') return { sent: 0, ok: 0, degraded: 0, failed: {} };
    return JSON.parse(line) as LoadTotals;
  }

  async stop(): Promise<void> {
    await this.#kubectl(['delete', 'pod', name, '--ignore-not-found', '--grace-period=1']);
    await this.#kubectl(['delete', 'configmap', name, '--ignore-not-found']);
  }

  async #addressOf(service: string): Promise<string> {
    return this.#kubectl(['get', 'service', service, '--output=jsonpath={.spec.clusterIP}']);
  }

  #kubectl(args: readonly string[], input?: string): Promise<string> {
    return kubectlIn(this.#namespace, args, { input, limitMs: 90_000 });
  }
}

/** Under Pod Security `restricted`, as everything in the namespace. */
function manifests(image: string, script: string, movie = '', rating = '') {
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
            env: [
              { name: 'MOVIE_HOST', value: movie },
              { name: 'RATING_HOST', value: rating },
            ],
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
