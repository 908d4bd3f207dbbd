import { randomBytes } from 'node:crypto';
import { kubectlIn } from './kubectl';
import { run } from './run';

/** An object as `kubectl apply` takes it, without its namespace. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly [field: string]: unknown;
}

/** A namespace that only this test uses, and what a test does in it. */
export class TestNamespace {
  readonly name: string;

  private constructor(name: string) {
    this.name = name;
  }

  /** One whose name is chosen, and that does not exist yet. */
  static named(): TestNamespace {
    return new TestNamespace(`movies-test-${randomBytes(4).toString('hex')}`);
  }

  static async create(): Promise<TestNamespace> {
    const namespace = TestNamespace.named();
    await namespace.create();
    return namespace;
  }

  async create(): Promise<void> {
    await run('kubectl', ['create', 'namespace', this.name]);
  }

  /** `kubectl`, in this namespace. */
  kubectl(...args: string[]): Promise<string> {
    return kubectlIn(this.name, args);
  }

  /** What `kubectl get` says, as JSON. */
  async get(...args: string[]): Promise<unknown> {
    return JSON.parse(await this.kubectl('get', ...args, '--output=json')) as unknown;
  }

  async apply(...items: readonly Manifest[]): Promise<void> {
    const list = { apiVersion: 'v1', kind: 'List', items };
    await run('kubectl', ['--namespace', this.name, 'apply', '--filename=-'], {
      input: JSON.stringify(list),
    });
  }

  /** Asks for its end; with all that is in it this takes the cluster some seconds more. */
  async remove(): Promise<void> {
    await run('kubectl', [
      ...['delete', 'namespace', this.name],
      ...['--ignore-not-found', '--wait=false'],
    ]);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.remove();
  }
}
