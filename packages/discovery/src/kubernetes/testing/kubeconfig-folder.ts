import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { kubeAccessSource } from '../access/kube-access-source';
import type { KubeAccess } from '../access/kube-access';

/** What a test changes of a kubeconfig that is good for nothing but to be read. */
export interface KubeconfigParts {
  readonly name?: string;
  readonly context?: Readonly<Record<string, unknown>>;
  readonly cluster?: Readonly<Record<string, unknown>>;
  readonly user?: Readonly<Record<string, unknown>>;
  readonly namespace?: string;
  readonly current?: string;
}

export const pem = (text: string) => `-----BEGIN ${text}`;
export const base64 = (text: string) => Buffer.from(pem(text)).toString('base64');

export let folder: string;

/** A folder for the kubeconfig of each test of a file. */
export function useFolder(): void {
  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'kubeconfig-'));
  });

  afterEach(() => rm(folder, { recursive: true }));
}

/** JSON is YAML too. */
export function kubeconfig({ name = 'home', cluster, user = {}, ...rest }: KubeconfigParts) {
  const { namespace, context, current = name } = rest;
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name, cluster: { server: 'https://10.0.0.1:6443', ...cluster } }],
    users: [
      { name, user },
      { name: `${name}-staging`, user: { token: 'of-staging' } },
    ],
    contexts: [
      { name, context: { cluster: name, user: name, namespace, ...context } },
      {
        name: `${name}-staging`,
        context: { cluster: name, user: `${name}-staging`, namespace: 'staging' },
      },
    ],
    'current-context': current,
  });
}

export async function write(text: string, name = 'config'): Promise<string> {
  const file = path.join(folder, name);
  await writeFile(file, text);
  return file;
}

export async function accessWith(
  parts: KubeconfigParts,
  context?: string,
  env = {},
): Promise<KubeAccess> {
  const KUBECONFIG = await write(kubeconfig(parts));
  return kubeAccessSource({ context, env: { ...env, KUBECONFIG } })();
}

export async function headersWith(user: Readonly<Record<string, unknown>>) {
  const access = await accessWith({ user });
  return (await access.credentials()).headers;
}

export async function refusal(finding: Promise<unknown>): Promise<string> {
  const error = await finding.then(
    () => undefined,
    (reason: unknown) => reason as { kind: string; reason: string; message: string },
  );
  expect([error?.kind, error?.reason]).toEqual(['unreachable', 'no_config']);
  return error?.message.replaceAll(folder, '') ?? '';
}
