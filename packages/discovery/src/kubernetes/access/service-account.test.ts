import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { isInCluster, serviceAccountAccess } from './service-account';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'service-account-'));
  await writeFile(path.join(folder, 'token'), 'a-token\n');
  await writeFile(path.join(folder, 'namespace'), 'movies\n');
  await writeFile(path.join(folder, 'ca.crt'), 'the authority\n');
});

afterEach(() => rm(folder, { recursive: true }));

const env = { KUBERNETES_SERVICE_HOST: '10.96.0.1', KUBERNETES_SERVICE_PORT: '6443' };

it('gives a pod the API server, its namespace, token and authority', async () => {
  const access = await serviceAccountAccess(env, folder);
  expect([access.server, access.namespace]).toEqual(['https://10.96.0.1:6443', 'movies']);
  expect(await access.credentials()).toEqual({
    headers: { authorization: 'Bearer a-token' },
    tls: { ca: 'the authority' },
  });
});

it.each([
  [{ KUBERNETES_SERVICE_HOST: 'fd00::1' }, 'https://[fd00::1]:443'],
  [{ KUBERNETES_SERVICE_HOST: 'api.example' }, 'https://api.example:443'],
])('writes the address of %j as a URL', async (variables, server) => {
  expect((await serviceAccountAccess(variables, folder)).server).toBe(server);
});

it('reads token and authority afresh each time', async () => {
  const access = await serviceAccountAccess(env, folder);
  await access.credentials();
  await writeFile(path.join(folder, 'token'), 'another\n');
  await writeFile(path.join(folder, 'ca.crt'), 'another authority');
  expect(await access.credentials()).toEqual({
    headers: { authorization: 'Bearer another' },
    tls: { ca: 'another authority' },
  });
});

it.each(['token', 'ca.crt', 'namespace'])('says which file cannot be read: %s', async (name) => {
  await rm(path.join(folder, name));
  const reading = async () => (await serviceAccountAccess(env, folder)).credentials();
  await expect(reading()).rejects.toMatchObject({
    kind: 'unreachable',
    reason: 'no_config',
    message: `cannot read ${path.join(folder, name)} (ENOENT): is automountServiceAccountToken switched off?`,
  });
});

it('is there only in a pod that has a token', async () => {
  expect(isInCluster(env, folder)).toBe(true);
  expect(isInCluster({}, folder)).toBe(false);
  expect(isInCluster({ KUBERNETES_SERVICE_HOST: '' }, folder)).toBe(false);
  await rm(path.join(folder, 'token'));
  expect(isInCluster(env, folder)).toBe(false);
});
