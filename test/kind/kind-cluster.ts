import { spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { run, type RunOptions } from '../cluster/run';
import { missingDocker } from '../images/docker';

/** The repository. */
export const root = path.resolve(__dirname, '../..');

/** Images are built, and loaded into three nodes. */
const makeLimitMs = 600_000;

/** Why there can be no cluster of kind, if there can be none. */
export function missingKind(): string | undefined {
  const isThere = (tool: string, ...args: string[]) =>
    spawnSync(tool, args, { timeout: 20_000 }).status === 0;
  if (!isThere('kind', 'version')) return 'no kind on the PATH';
  if (!isThere('kubectl', 'version', '--client')) return 'no kubectl on the PATH';
  return missingDocker();
}

/** A cluster of kind with a kubeconfig of its own, and the make targets on it. */
export class KindCluster {
  readonly name = `movies-${process.pid}`;

  /** The environment of what runs on the cluster. */
  readonly env: NodeJS.ProcessEnv;

  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
    this.env = {
      ...process.env,
      KUBECONFIG: path.join(folder, 'kubeconfig'),
      // Settings for another cluster are not for this one.
      IMAGE_LOADER: undefined,
      SKIP_IMAGES: undefined,
      CLUSTER_IS_MINE: undefined,
      NAMESPACE: undefined,
      OVERLAY: undefined,
      REGISTRY: undefined,
      VERSION: undefined,
    };
  }

  static async create(): Promise<KindCluster> {
    const cluster = new KindCluster(await mkdtemp(path.join(tmpdir(), 'movies-kind-')));
    try {
      await cluster.make('cluster-up');
      const preload = process.env['KIND_PRELOAD'];
      // Nodes without a way to the registries get the images of PostgreSQL and Node so.
      if (preload)
        await run('/bin/sh', ['-c', `${preload} "$1"`, 'sh', cluster.name], cluster.limits);
    } catch (error) {
      await cluster.remove();
      throw error;
    }
    return cluster;
  }

  /** Also one that did not come up. */
  async remove(): Promise<void> {
    await this.make('cluster-down');
    await rm(this.#folder, { recursive: true });
  }

  private get limits(): RunOptions {
    return { env: this.env, limitMs: makeLimitMs };
  }

  /** Runs a make target, as in `make('scale', 'SERVICE=rating')`; resolves with what it printed. */
  make(...args: string[]): Promise<string> {
    return this.makeIn(root, ...args);
  }

  /** The same in another copy of the repository. */
  makeIn(folder: string, ...args: string[]): Promise<string> {
    const flags = ['-C', folder, '--no-print-directory', `CLUSTER=${this.name}`];
    return run('make', [...flags, ...args], this.limits);
  }

  kubectl(...args: string[]): Promise<string> {
    return run('kubectl', args, { env: this.env, limitMs: 120_000 });
  }
}
