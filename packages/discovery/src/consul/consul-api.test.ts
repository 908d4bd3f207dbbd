import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { formatAddress } from '../address';
import { ManualClock, until } from '@movies/time/testing';
import { SourceFailure, type FailureKind } from '../adapter/source-failure';
import { ConsulApi, type ConsulApiOptions } from './consul-api';
import { FakeConsul } from '../testing/fake-consul';

const folder = mkdtempSync(join(tmpdir(), 'consul-api-'));
const tokenFile = join(folder, 'token');

afterAll(() => {
  rmSync(folder, { recursive: true });
});

async function open(options: Partial<ConsulApiOptions> = {}) {
  const fake = await FakeConsul.start();
  const clock = new ManualClock();
  const api = new ConsulApi({ agents: [fake.address], clock, ...options });
  const send = (signal = new AbortController().signal) =>
    api.send(
      { method: 'GET', path: '/v1/health/service/metadata?stale', timeoutMs: 2000, signal },
      api.agent,
    );
  return {
    fake,
    clock,
    api,
    send,
    [Symbol.asyncDispose]: async () => {
      await api.close();
      await fake.stop();
    },
  };
}

/** Lets the agent take one token only. */
function accept(fake: FakeConsul, accepted: string): void {
  fake.react = ({ token }) => (token === accepted ? undefined : { status: 403, body: 'denied' });
}

describe('ConsulApi', () => {
  it('sends the token of its file, without the line end', async () => {
    writeFileSync(tokenFile, 'one\n');
    await using consul = await open({ tokenFile });
    accept(consul.fake, 'one');
    expect((await consul.send()).status).toBe(200);
  });

  it('sends no token without a file', async () => {
    await using consul = await open();
    await consul.send();
    expect(consul.fake.calls.map(({ token }) => token)).toEqual([undefined]);
  });

  it('sends an exchanged token with the next call, whatever the old one would still do', async () => {
    writeFileSync(tokenFile, 'one');
    await using consul = await open({ tokenFile });
    await consul.send();
    writeFileSync(tokenFile, 'two');
    await consul.send();
    expect(consul.fake.calls.map(({ token }) => token)).toEqual(['one', 'two']);
  });

  it('sends a call once more that was refused while the token was exchanged', async () => {
    writeFileSync(tokenFile, 'one');
    await using consul = await open({ tokenFile });
    consul.fake.react = ({ token }) => {
      writeFileSync(tokenFile, 'two');
      return token === 'two' ? undefined : { status: 403, body: 'denied' };
    };
    expect((await consul.send()).status).toBe(200);
    expect(consul.fake.calls.map(({ token }) => token)).toEqual(['one', 'two']);
  });

  it('leaves a 403 as it is when the token is the same', async () => {
    writeFileSync(tokenFile, 'one');
    await using consul = await open({ tokenFile });
    accept(consul.fake, 'two');
    const { status, body } = await consul.send();
    expect([status, body, consul.fake.calls.length]).toEqual([403, 'denied', 1]);
  });

  it.each([
    ['is missing', undefined],
    ['is empty', '\n'],
    ['holds what is no token', 'one\ntwo'],
  ])('keeps the token while the file %s', async (_, content) => {
    writeFileSync(tokenFile, 'one');
    await using consul = await open({ tokenFile });
    if (content === undefined) rmSync(tokenFile);
    else writeFileSync(tokenFile, content);
    await consul.send();
    expect(consul.fake.calls.map(({ token }) => token)).toEqual(['one']);
  });

  it.each(['', ' \n', 'one two', 'one\ntwo', 'tökén'])(
    'takes no file that holds %j, and does not show it',
    (content) => {
      writeFileSync(tokenFile, content);
      const agents = [{ host: 'consul', port: 8500 }];
      expect(() => new ConsulApi({ agents, tokenFile, clock: new ManualClock() })).toThrow(
        `the file of 'token-file', ${tokenFile}, holds no token: expected one line of printable ASCII`,
      );
    },
  );

  it('tells status, headers and body of any answer', async () => {
    await using consul = await open();
    const answer = await consul.send();
    expect([answer.status, answer.header('x-consul-index'), answer.body]).toEqual([200, '1', '[]']);
    expect(answer.header('x-none')).toBeUndefined();
  });

  it('names an agent that breaks the connection, and why', async () => {
    await using consul = await open();
    const { address } = consul.fake;
    consul.fake.react = () => ({ drop: 'reset' });
    const error = await consul.send().catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(SourceFailure);
    expect(error).toMatchObject({
      kind: 'lost',
      message: `the connection to the Consul agent ${formatAddress(address)} broke: other side closed`,
    });
  });

  it('names an agent that refuses connections, also by a name with several addresses', async () => {
    const gone = await FakeConsul.start();
    const { port } = gone.address;
    await gone.stop();
    await using consul = await open({ agents: [{ host: 'localhost', port }] });
    await expect(consul.send()).rejects.toThrow(
      new RegExp(`^the Consul agent localhost:${port} cannot be reached: .*ECONNREFUSED`),
    );
  });

  it('gives up an agent that is silent for longer than the limit', async () => {
    await using consul = await open();
    consul.fake.react = () => ({ drop: 'hang' });
    const rejected = expect(consul.send()).rejects.toMatchObject({
      kind: 'silent',
      message: expect.stringMatching(/does not answer: no answer within 2000 ms$/) as string,
    });
    await until(() => consul.fake.calls.length === 1);
    await consul.clock.advance(2000);
    await rejected;
    expect(consul.clock.pending).toBe(0);
    await consul.fake.idle();
  });

  it('ends a call with the reason of its signal', async () => {
    await using consul = await open();
    consul.fake.react = () => ({ drop: 'hang' });
    const reason = new Error('no longer wanted');
    const controller = new AbortController();
    const rejected = expect(consul.send(controller.signal)).rejects.toBe(reason);
    await until(() => consul.fake.calls.length === 1);
    controller.abort(reason);
    await rejected;
    await expect(consul.send(controller.signal)).rejects.toBe(reason);
    expect([consul.clock.pending, consul.fake.calls.length]).toEqual([0, 1]);
  });

  it('reads no response that is no HTTP', async () => {
    const server = createServer((socket) => socket.end('who are you?\r\n')).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    await using consul = await open({ agents: [{ host: '127.0.0.1', port }] });
    await expect(consul.send()).rejects.toMatchObject({
      kind: 'malformed',
      message: expect.stringContaining(
        `the response of the Consul agent 127.0.0.1:${port} cannot be read: `,
      ) as string,
    });
    server.close();
  });

  it('reads no response of more than 64 MiB', async () => {
    await using consul = await open();
    consul.fake.react = () => ({ status: 200, body: 'x'.repeat(64 * 1024 * 1024 + 1) });
    await expect(consul.send()).rejects.toMatchObject({
      kind: 'malformed',
      message: expect.stringMatching(/cannot be read: it is larger than 64 MiB$/) as string,
    });
  });

  it.each([
    [{}, undefined],
    [{ 'retry-after': '7' }, 7000],
    [{ 'retry-after': 'soon' }, undefined],
  ])('makes a failure of a response that is not good: %j', async (headers, retryAfterMs) => {
    await using consul = await open();
    consul.fake.react = () => ({ status: 429, body: 'too many\n', headers });
    expect(consul.api.failureOf(await consul.send())).toMatchObject({
      kind: 'refused',
      reason: 'http_429',
      message: 'Consul answered 429 too many',
      retryAfterMs,
    });
  });

  const agents = [
    { host: 'one', port: 1 },
    { host: 'two', port: 2 },
  ] as const;
  const [one, two] = agents;

  it('asks each agent once in a circle, one that is named twice included', async () => {
    await using consul = await open({ agents: [one, two, { ...one }] });
    const { api } = consul;
    const failure = new SourceFailure('refused', 'no', { reason: 'http_403' });
    expect([api.agentAfter(one, failure), api.agentAfter(two, failure)]).toEqual([two, one]);
  });

  it.each<[FailureKind, string | undefined, boolean]>([
    ['unreachable', undefined, true],
    ['lost', undefined, true],
    ['silent', undefined, true],
    ['malformed', undefined, true],
    ['refused', 'stale', true],
    ['refused', 'http_500', true],
    ['refused', 'http_503', true],
    ['refused', 'http_403', false],
    ['refused', 'http_404', false],
    ['refused', 'http_429', false],
    ['refused', 'filtered', false],
  ])('after %s %s begins with the next agent: %s', async (kind, reason, moves) => {
    await using consul = await open({ agents });
    const { api } = consul;
    const failure = new SourceFailure(kind, 'no', reason === undefined ? {} : { reason });
    api.agentAfter(one, failure);
    // Of the first one, which is no longer the one to begin with.
    api.agentAfter(one, failure);
    expect(api.agent).toBe(moves ? two : one);
  });

  it.each([
    [[], "'agents' is empty: name at least one Consul agent by host and port"],
    [[{ host: '', port: 8500 }], 'the host is empty'],
    [[one, { host: 'two', port: 0 }], '0 is not a port: expected 1 to 65535'],
  ])('takes no agents %j', (bad, message) => {
    const make = () => new ConsulApi({ agents: bad, clock: new ManualClock() });
    expect(make).toThrow(message);
    expect(make).toThrow(expect.objectContaining({ code: 'invalid_options' }) as Error);
  });
});
