import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { getCACertificates } from 'node:tls';
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

it('says that the token cannot be read', async () => {
  await rm(path.join(folder, 'token'));
  const access = await serviceAccountAccess(env, folder);
  await expect(access.credentials()).rejects.toMatchObject({
    kind: 'unreachable',
    reason: 'no_config',
    message: `cannot read ${path.join(folder, 'token')} (ENOENT): is automountServiceAccountToken switched off?`,
  });
});

it('says that the token has a line break in it, and not the token', async () => {
  await writeFile(path.join(folder, 'token'), 'a\nb\n');
  const access = await serviceAccountAccess(env, folder);
  await expect(access.credentials()).rejects.toMatchObject({
    reason: 'no_config',
    message: `${path.join(folder, 'token')} holds a line break or control character, which no header can have`,
  });
});

it('says that the token is empty', async () => {
  await writeFile(path.join(folder, 'token'), '\n');
  const access = await serviceAccountAccess(env, folder);
  await expect(access.credentials()).rejects.toMatchObject({
    message: `${path.join(folder, 'token')} is empty: is the volume of the token mounted?`,
  });
});

it('demands the file of the namespace only from those who ask for the namespace', async () => {
  await rm(path.join(folder, 'namespace'));
  const access = await serviceAccountAccess(env, folder);
  expect((await access.credentials()).headers).toEqual({ authorization: 'Bearer a-token' });
  expect(() => access.namespace).toThrow(
    `cannot read ${path.join(folder, 'namespace')} (ENOENT): name the namespace in the URL or the options`,
  );
  await writeFile(path.join(folder, 'namespace'), 'late');
  expect(access.namespace).toBe('late');
});

it('trusts the authorities of the system where there is no ca.crt', async () => {
  await rm(path.join(folder, 'ca.crt'));
  const { tls } = await (await serviceAccountAccess(env, folder)).credentials();
  const trusted = new Set(tls.ca === undefined ? getCACertificates() : (tls.ca as string[]));
  for (const authority of [...getCACertificates(), ...getCACertificates('system')]) {
    expect(trusted.has(authority)).toBe(true);
  }
});

it('goes through the proxy of the environment, unless NO_PROXY names the server', async () => {
  const HTTPS_PROXY = 'http://proxy.test:3128';
  const proxied = await serviceAccountAccess({ ...env, HTTPS_PROXY }, folder);
  expect(proxied.proxy).toBe(HTTPS_PROXY);
  const NO_PROXY = '10.96.0.0/12';
  expect((await serviceAccountAccess({ ...env, HTTPS_PROXY, NO_PROXY }, folder)).proxy).toBe(
    undefined,
  );
});

it('is there only in a pod that has a token', async () => {
  expect(isInCluster(env, folder)).toBe(true);
  expect(isInCluster({}, folder)).toBe(false);
  expect(isInCluster({ KUBERNETES_SERVICE_HOST: '' }, folder)).toBe(false);
  await rm(path.join(folder, 'token'));
  expect(isInCluster(env, folder)).toBe(false);
});
