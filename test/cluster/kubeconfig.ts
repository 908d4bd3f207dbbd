import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { run } from './run';

export interface KubeconfigChanges {
  /** `https://host:port` in place of the API server's own; its certificate is still asked for under the API's name. */
  readonly server?: string;
  /** In place of the user's own credentials. */
  readonly token?: string;
  /** The same, read from a file. */
  readonly tokenFile?: string;
  /** The namespace of the context. */
  readonly namespace?: string;
}

interface Config {
  readonly clusters: readonly [{ readonly name: string; readonly cluster: object }];
  readonly users: readonly [{ readonly name: string; readonly user: object }];
  readonly contexts: readonly [{ readonly name: string; readonly context: object }];
}

/** A kubeconfig file of a test's own: the user's current context, changed. */
export class Kubeconfig {
  readonly file: string;

  private constructor(file: string) {
    this.file = file;
  }

  static async create(changes: KubeconfigChanges): Promise<Kubeconfig> {
    const text = await run('kubectl', [
      ...['config', 'view', '--raw', '--minify', '--flatten'],
      '--output=json',
    ]);
    const folder = await mkdtemp(path.join(tmpdir(), 'movies-kubeconfig-'));
    const kubeconfig = new Kubeconfig(path.join(folder, 'config'));
    const changed = change(JSON.parse(text) as Config, changes);
    await writeFile(kubeconfig.file, JSON.stringify(changed), { mode: 0o600 });
    return kubeconfig;
  }

  async remove(): Promise<void> {
    await rm(path.dirname(this.file), { recursive: true, force: true });
  }
}

function change(config: Config, { server, token, tokenFile, namespace }: KubeconfigChanges) {
  const [{ name: clusterName, cluster }] = config.clusters;
  const [{ name: userName, user }] = config.users;
  const [{ name: contextName, context }] = config.contexts;
  const account =
    token === undefined && tokenFile === undefined
      ? user
      : {
          ...(token === undefined ? {} : { token }),
          ...(tokenFile === undefined ? {} : { tokenFile }),
        };
  const elsewhere =
    server === undefined ? {} : { server, 'tls-server-name': 'kubernetes.default.svc' };
  return {
    ...config,
    clusters: [{ name: clusterName, cluster: { ...cluster, ...elsewhere } }],
    users: [{ name: userName, user: account }],
    contexts: [
      {
        name: contextName,
        context: { ...context, ...(namespace === undefined ? {} : { namespace }) },
      },
    ],
  };
}
