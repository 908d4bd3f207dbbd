import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { isInCluster, serviceAccountAccess } from './service-account';

const env = { KUBERNETES_SERVICE_HOST: '10.96.0.1', KUBERNETES_SERVICE_PORT: '6443' };
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'service-account-'));
  await write({ token: 'first\n', namespace: 'movies\n', 'ca.crt': 'a certificate\n' });
});

afterEach(() => rm(folder, { recursive: true }));

async function write(files: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, text] of Object.entries(files)) await writeFile(path.join(folder, name), text);
}

describe('isInCluster', () => {
  it.each([
    ['both', env, true],
    ['a token but no server', {}, false],
    ['a token and an empty server', { KUBERNETES_SERVICE_HOST: '' }, false],
  ])('with %s', (_, variables, expected) => {
    expect(isInCluster(variables, folder)).toBe(expected);
  });

  it('with a server but no token', async () => {
    await rm(path.join(folder, 'token'));
    expect(isInCluster(env, folder)).toBe(false);
  });
});

describe('serviceAccountAccess', () => {
  it('tells server and namespace, and trims what the files hold', async () => {
    const access = await serviceAccountAccess(env, folder);
    expect([access.server, access.namespace]).toEqual(['https://10.96.0.1:6443', 'movies']);
    expect(await access.credentials()).toEqual({
      headers: { authorization: 'Bearer first' },
      tls: { ca: 'a certificate' },
    });
  });

  it('puts an IPv6 server in brackets', async () => {
    const access = await serviceAccountAccess(
      { ...env, KUBERNETES_SERVICE_HOST: 'fd00::1' },
      folder,
    );
    expect(access.server).toBe('https://[fd00::1]:6443');
  });

  it('reads token and authority again each time', async () => {
    const access = await serviceAccountAccess(env, folder);
    await access.credentials();
    await write({ token: 'second', 'ca.crt': 'another' });
    expect(await access.credentials()).toEqual({
      headers: { authorization: 'Bearer second' },
      tls: { ca: 'another' },
    });
  });

  it.each(['token', 'ca.crt'])('names the file %s when it cannot be read', async (name) => {
    const access = await serviceAccountAccess(env, folder);
    await rm(path.join(folder, name));
    await expect(access.credentials()).rejects.toMatchObject({
      kind: 'unreachable',
      reason: 'no_config',
      message: `cannot read ${path.join(folder, name)} (ENOENT): is automountServiceAccountToken switched off?`,
    });
  });
});
