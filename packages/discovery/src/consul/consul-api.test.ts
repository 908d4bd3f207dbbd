import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { formatAddress } from '../address';
import { ManualClock, until } from '@movies/time/testing';
import { ConsulApi, ConsulUnreachableError, type ConsulApiOptions } from './consul-api';
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
    api.send({ method: 'GET', path: '/v1/health/service/metadata?stale', timeoutMs: 2000, signal });
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

  it('reads the file again on 403, and sends the call once more', async () => {
    writeFileSync(tokenFile, 'one');
    await using consul = await open({ tokenFile });
    accept(consul.fake, 'two');
    writeFileSync(tokenFile, 'two');
    expect((await consul.send()).status).toBe(200);
    expect(consul.fake.calls.map(({ token }) => token)).toEqual(['one', 'two']);
    await consul.send();
    expect(consul.fake.calls.map(({ token }) => token)).toEqual(['one', 'two', 'two']);
  });

  it('does so for each of several calls that were sent with the old token', async () => {
    writeFileSync(tokenFile, 'one');
    await using consul = await open({ tokenFile });
    accept(consul.fake, 'two');
    writeFileSync(tokenFile, 'two');
    const answers = await Promise.all([consul.send(), consul.send(), consul.send()]);
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
  });

  it('leaves a 403 as it is when the token is the same', async () => {
    writeFileSync(tokenFile, 'one');
    await using consul = await open({ tokenFile });
    accept(consul.fake, 'two');
    const { status, body } = await consul.send();
    expect([status, body, consul.fake.calls.length]).toEqual([403, 'denied', 1]);
  });

  it('leaves a 403 as it is while the file cannot be read, and the token in force', async () => {
    writeFileSync(tokenFile, 'one');
    await using consul = await open({ tokenFile });
    accept(consul.fake, 'two');
    rmSync(tokenFile);
    expect((await consul.send()).status).toBe(403);
    accept(consul.fake, 'one');
    expect((await consul.send()).status).toBe(200);
  });

  it('asks in its datacenter', async () => {
    await using consul = await open({ datacenter: 'west coast' });
    await consul.send();
    expect(consul.fake.calls.map(({ query }) => query.get('dc'))).toEqual(['west coast']);
  });

  it('tells status, headers and body of any answer', async () => {
    await using consul = await open();
    const answer = await consul.send();
    expect([answer.status, answer.header('x-consul-index'), answer.body]).toEqual([200, '1', '[]']);
    expect(answer.header('x-none')).toBeUndefined();
  });

  it('names an agent that cannot be reached, and why', async () => {
    await using consul = await open();
    const { address } = consul.fake;
    consul.fake.react = () => ({ drop: 'reset' });
    const error = await consul.send().catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(ConsulUnreachableError);
    expect(error).toMatchObject({
      reason: 'unreachable',
      message: `the Consul agent ${formatAddress(address)} cannot be reached: other side closed`,
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
      reason: 'timeout',
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

  it('fails over from the present agent only, and in a circle', async () => {
    const [one, two] = [
      { host: 'one', port: 1 },
      { host: 'two', port: 2 },
    ] as const;
    await using consul = await open({ agents: [one, two] });
    const { api } = consul;
    expect([api.agentCount, api.agent]).toEqual([2, one]);
    api.failOver(one);
    api.failOver(one);
    expect(api.agent).toBe(two);
    api.failOver(two);
    expect(api.agent).toBe(one);
  });
});
