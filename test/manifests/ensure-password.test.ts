import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { selfSigned } from '../../packages/discovery/src/testing/self-signed';
import { manifests } from './render';

const script = path.join(manifests, 'components/database-postgres/server/ensure-password.mjs');
const secretUrl = '/api/v1/namespaces/pots/secrets/password-of-it';

interface Call {
  readonly line: string;
  readonly token: string | undefined;
  readonly type: string | undefined;
  readonly body: string;
}

/** What the API server answers to a method. */
type Answers = Readonly<Record<string, { readonly status: number; readonly body: object }>>;

const tls = selfSigned();
let calls: Call[];
let answers: Answers;
const server = createServer(tls, (request, response) => {
  void text(request).then((body) => {
    const { method = '', url = '', headers } = request;
    calls.push({
      line: `${method} ${url}`,
      token: headers.authorization,
      type: headers['content-type'],
      body,
    });
    const { status, body: answer } = answers[method] ?? { status: 405, body: {} };
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(answer));
  });
});

let folder: string;
const file = () => path.join(folder, 'password');

beforeAll((done) => {
  server.listen(0, '127.0.0.1', done);
});
afterAll((done) => {
  server.close(done);
  server.closeAllConnections();
});
beforeEach(() => {
  calls = [];
  folder = mkdtempSync(path.join(tmpdir(), 'movies-password-'));
  for (const [name, content] of [
    ['ca.crt', tls.cert],
    ['token', 'a-token'],
    ['namespace', 'pots'],
  ] as const) {
    writeFileSync(path.join(folder, name), content);
  }
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

/** A Secret, which has the password if there is one. */
function secret(password?: string) {
  const data = { password: Buffer.from(password ?? '').toString('base64'), other: 'bw==' };
  return { metadata: { resourceVersion: '7' }, ...(password === undefined ? {} : { data }) };
}

function run(port = (server.address() as AddressInfo).port) {
  const args = [script, 'password-of-it', file(), folder];
  const env = {
    KUBERNETES_SERVICE_HOST: '127.0.0.1',
    KUBERNETES_SERVICE_PORT: String(port),
    NODE_EXTRA_CA_CERTS: path.join(folder, 'ca.crt'),
  };
  return new Promise<{ code: unknown; output: string; errors: string }>((resolve) => {
    execFile(process.execPath, args, { env, timeout: 20_000 }, (error, output, errors) => {
      resolve({ code: error === null ? 0 : error.code, output, errors });
    });
  });
}

const nothingSaid = { code: 0, output: '', errors: '' };

it('gives a Secret without a password one, and writes it where only its user reads it', async () => {
  answers = {
    GET: { status: 200, body: secret() },
    PATCH: { status: 200, body: secret('as the server has it') },
  };
  expect(await run()).toEqual(nothingSaid);
  expect(calls.map(({ line }) => line)).toEqual([`GET ${secretUrl}`, `PATCH ${secretUrl}`]);
  expect(calls.map(({ token }) => token)).toEqual(['Bearer a-token', 'Bearer a-token']);
  expect(calls[1]?.type).toBe('application/merge-patch+json');
  expect(JSON.parse(calls[1]?.body ?? '')).toEqual({
    // The one that was read: what has changed meanwhile is not written over.
    metadata: { resourceVersion: '7' },
    data: { password: expect.stringMatching(/^[A-Za-z0-9+/]{86}==$/) as string },
  });
  expect(readFileSync(file(), 'utf8')).toBe('as the server has it');
  expect(statSync(file()).mode & 0o777).toBe(0o600);
});

it('makes another one each time', async () => {
  answers = { GET: { status: 200, body: secret() }, PATCH: { status: 200, body: secret('one') } };
  await run();
  await run();
  const made = calls.filter(({ body }) => body !== '').map(({ body }) => body);
  expect(new Set(made).size).toBe(2);
});

it('leaves the one that is there as it is', async () => {
  answers = { GET: { status: 200, body: secret('that of yesterday') } };
  expect(await run()).toEqual(nothingSaid);
  expect(calls.map(({ line }) => line)).toEqual([`GET ${secretUrl}`]);
  expect(readFileSync(file(), 'utf8')).toBe('that of yesterday');
});

it.each([
  ['GET', 404, 'secrets "password-of-it" not found'],
  ['GET', 403, 'secrets "password-of-it" is forbidden'],
  // Of two that start at once the later.
  ['PATCH', 409, 'the object has been modified'],
])('says that %s was answered %i, writes nothing and fails', async (method, status, message) => {
  answers = { GET: { status: 200, body: secret() }, [method]: { status, body: { message } } };
  const { code, output, errors } = await run();
  expect({ code, output }).toEqual({ code: 1, output: '' });
  expect(errors).toBe(
    `cannot ensure that Secret password-of-it has a password: ${method} is answered ${status}: ${message}\n`,
  );
  expect(() => statSync(file())).toThrow(/ENOENT/);
});

it('says why the API server is not reached', async () => {
  const port = await closedPort();
  const { code, errors } = await run(port);
  expect(code).toBe(1);
  expect(errors).toBe(
    `cannot ensure that Secret password-of-it has a password: connect ECONNREFUSED 127.0.0.1:${port}\n`,
  );
});

/** One at which nobody listens any more. */
async function closedPort(): Promise<number> {
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  const { port } = other.address() as AddressInfo;
  await new Promise((resolve) => other.close(resolve));
  return port;
}
