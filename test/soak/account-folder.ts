import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { KubeAccess } from '../../packages/discovery/src/kubernetes/access/kube-access';
import { serviceAccountAccess } from '../../packages/discovery/src/kubernetes/access/service-account';
import type { TestNamespace } from '../cluster/test-namespace';

/** The shortest life that an API server gives a token. */
const lifeMs = 600_000;
/** The kubelet exchanges a token after 80 % of its life. */
const exchangeMs = 0.8 * lifeMs;

/** What the kubelet keeps in a pod for its service account: a token, exchanged before its end. */
export class AccountFolder {
  /** The first one, which nobody exchanges for those who keep it. */
  readonly firstToken: string;
  readonly #folder: string;
  readonly #namespace: TestNamespace;
  readonly #account: string;
  #writtenAt = performance.now();
  #exchanges = 0;

  private constructor(folder: string, namespace: TestNamespace, account: string, token: string) {
    this.#folder = folder;
    this.#namespace = namespace;
    this.#account = account;
    this.firstToken = token;
  }

  static async create(namespace: TestNamespace, account: string): Promise<AccountFolder> {
    const folder = await mkdtemp(path.join(tmpdir(), 'movies-account-'));
    const ca = await namespace.kubectl(
      ...['get', 'configmap', 'kube-root-ca.crt'],
      '--output=jsonpath={.data.ca\\.crt}',
    );
    await writeFile(path.join(folder, 'ca.crt'), ca);
    await writeFile(path.join(folder, 'namespace'), namespace.name);
    const token = await createToken(namespace, account);
    await writeFile(path.join(folder, 'token'), token, { mode: 0o600 });
    return new AccountFolder(folder, namespace, account, token);
  }

  get exchanges(): number {
    return this.#exchanges;
  }

  /** Whether the first token is no longer valid; a server allows for clocks that differ. */
  isFirstTokenOver(startedAt: number): boolean {
    return performance.now() - startedAt > lifeMs + 60_000;
  }

  /** Writes a new token if it is time, in one step, as the kubelet does. */
  async exchangeIfDue(): Promise<void> {
    if (performance.now() - this.#writtenAt < exchangeMs) return;
    const token = await createToken(this.#namespace, this.#account);
    const next = path.join(this.#folder, 'token.next');
    await writeFile(next, token, { mode: 0o600 });
    await rename(next, path.join(this.#folder, 'token'));
    this.#writtenAt = performance.now();
    this.#exchanges += 1;
  }

  /** As a pod has it, to the server at `url`; with a token that stays, or the present one. */
  async access(url: string, token?: string): Promise<KubeAccess> {
    const { hostname, port } = new URL(url);
    const env = { KUBERNETES_SERVICE_HOST: hostname, KUBERNETES_SERVICE_PORT: port };
    const access = await serviceAccountAccess(env, this.#folder);
    return {
      ...access,
      credentials: async () => {
        const { headers, tls } = await access.credentials();
        return {
          headers: token === undefined ? headers : { authorization: `Bearer ${token}` },
          // The certificate is not one for the proxy's address.
          tls: { ...tls, servername: 'kubernetes.default.svc' },
        };
      },
    };
  }

  async remove(): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
  }
}

async function createToken(namespace: TestNamespace, account: string): Promise<string> {
  const duration = `--duration=${lifeMs / 1000}s`;
  return (await namespace.kubectl('create', 'token', account, duration)).trim();
}
