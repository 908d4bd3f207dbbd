import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInstance, type InstanceFields, type InstanceState } from '../instance';
import { ManualClock, until } from '@movies/time/testing';
import { ConsulRegistry, type ConsulRegistryOptions } from './consul-registry';
import { FakeConsul, type ConsulCall, type Reaction } from '../testing/fake-consul';

const folder = mkdtempSync(join(tmpdir(), 'consul-registration-'));
const tokenFile = join(folder, 'token');

afterAll(() => {
  rmSync(folder, { recursive: true });
});

const closing: (() => Promise<void>)[] = [];

afterEach(async () => {
  while (closing.length > 0) await closing.pop()?.();
});

/** A registry over `count` agents, whose draws are all a half. */
async function open(count = 1, draw = 0.5, options: Partial<ConsulRegistryOptions> = {}) {
  const clock = new ManualClock();
  const fakes: FakeConsul[] = [];
  for (let i = 0; i < count; i += 1) fakes.push(await FakeConsul.start());
  const agents = fakes.map(({ address }) => address);
  const registry = new ConsulRegistry({ agents, clock, random: () => draw, ...options });
  closing.push(...fakes.map((fake) => () => fake.stop()), () => registry.close());
  const [first, second] = fakes;
  if (first === undefined) throw new Error('needs an agent');
  const register = (fields: Partial<InstanceFields> = {}) => registry.register(instance(fields));
  return { clock, registry, register, fake: first, other: second ?? first };
}

function instance(fields: Partial<InstanceFields> = {}) {
  const plain = { id: 'metadata-1', service: 'metadata', host: '10.0.0.1', port: 8081 };
  return createInstance({ ...plain, state: 'not_ready', ...fields });
}

const isBeat = ({ path }: ConsulCall) => path.startsWith('/v1/agent/check/update/');
const isRegister = ({ path }: ConsulCall) => path === '/v1/agent/service/register';
const isDeregister = ({ path }: ConsulCall) => path.startsWith('/v1/agent/service/deregister/');

describe('a registration at Consul', () => {
  it('tells all of the instance, with a TTL check that is critical and takes it out one day', async () => {
    const { fake, register } = await open();
    await register({
      zone: 'zone-1',
      weight: 2.4,
      tags: ['traefik.enable=true', 'blue'],
      labels: { version: '1.2.3' },
    });
    expect(fake.calls).toEqual([
      {
        method: 'PUT',
        path: '/v1/agent/service/register',
        query: new URLSearchParams('replace-existing-checks=true'),
        token: undefined,
        body: {
          ID: 'metadata-1',
          Name: 'metadata',
          Address: '10.0.0.1',
          Port: 8081,
          Tags: ['traefik.enable=true', 'blue'],
          Meta: { version: '1.2.3', zone: 'zone-1' },
          Weights: { Passing: 2, Warning: 1 },
          Check: {
            CheckID: 'service:metadata-1',
            Name: 'metadata says it is ready',
            TTL: '10000ms',
            Status: 'critical',
            DeregisterCriticalServiceAfter: '5m',
          },
        },
      },
    ]);
  });

  it('is passing from the start when the instance is ready', async () => {
    const { fake, register } = await open();
    await register({ state: 'ready' });
    expect(fake.registered).toEqual(['metadata-1=passing']);
  });

  it.each([
    [0, 2700],
    [0.5, 3000],
    [1, 3300],
  ])('beats every 3 s, give or take a tenth: a draw of %d makes %d ms', async (draw, expected) => {
    const { fake, clock, register } = await open(1, draw);
    await register();
    for (let beats = 1; beats <= 3; beats += 1) {
      await until(() => clock.nextInMs === expected);
      const beat = fake.next(isBeat);
      await clock.advance(expected);
      expect(await beat).toMatchObject({
        path: '/v1/agent/check/update/service%3Ametadata-1',
        body: { Status: 'critical', Output: '' },
      });
    }
  });

  it('tells a report of health at once, and with every beat from then on', async () => {
    const { fake, clock, register } = await open();
    const registration = await register();
    const told = fake.next(isBeat);
    registration.report('ready', 'first sync done');
    const body = { Status: 'passing', Output: 'first sync done' };
    expect((await told).body).toEqual(body);
    await until(() => clock.nextInMs === 3000);
    const beat = fake.next(isBeat);
    await clock.advance(3000);
    expect((await beat).body).toEqual(body);
  });

  it.each([
    ['404', false],
    ['the 500 of old versions', true],
  ])('registers again in the beat that finds it forgotten (%s), passing', async (_, old) => {
    const { fake, clock, register } = await open();
    fake.old = old;
    const registration = await register();
    registration.report('ready');
    await until(() => clock.nextInMs === 3000);
    fake.restartEmpty();
    await clock.advance(3000);
    // Spread over a second, of which this draw takes half.
    await until(() => clock.nextInMs === 500);
    expect(fake.registered).toEqual([]);
    await clock.advance(500);
    await until(() => fake.registered.length === 1);
    expect(fake.registered).toEqual(['metadata-1=passing']);
    await until(() => clock.nextInMs === 3000);
    expect(registration.failure).toBeUndefined();
  });

  it.each<[string, Reaction, string]>([
    ['answers 500', { status: 500, body: 'rpc error' }, 'Consul answered 500 rpc error'],
    ['answers 403', { status: 403, body: 'denied' }, 'Consul answered 403 denied'],
    ['closes the connection', { drop: 'reset' }, 'the connection to the Consul agent'],
  ])(
    'tells why a beat failed when the agent %s, until one arrives',
    async (_, reaction, reason) => {
      const { fake, clock, register } = await open();
      const registration = await register();
      fake.react = () => reaction;
      await clock.advance(3000);
      await until(() => registration.failure !== undefined);
      expect(registration.failure?.code).toBe('registry_unavailable');
      expect(registration.failure?.message).toContain(
        `beating for 'metadata-1' (10.0.0.1:8081): ${reason}`,
      );
      fake.react = () => undefined;
      await until(() => clock.nextInMs === 3000);
      await clock.advance(3000);
      await until(() => registration.failure === undefined);
    },
  );

  it.each([
    ['draining', '', 'draining'],
    ['draining', 'bye', 'draining: bye'],
    ['not_ready', 'the database is gone', 'the database is gone'],
  ] as const)('tells %s with the note %j as critical, saying %j', async (state, note, output) => {
    const { fake, register } = await open();
    const registration = await register();
    const told = fake.next(isBeat);
    registration.report(state, note);
    expect((await told).body).toEqual({ Status: 'critical', Output: output });
  });

  it('takes no state that there is not', async () => {
    const { register } = await open();
    const registration = await register();
    expect(() => {
      registration.report(true as unknown as InstanceState);
    }).toThrow('the state of an instance is true: expected ready, draining, not_ready');
  });

  it('says that it drains from the start, and again where it was forgotten', async () => {
    const { fake, clock, register, registry } = await open();
    await register({ state: 'draining' });
    const stateOf = async () => (await registry.watch('metadata').synced()).instances[0]?.state;
    await until(() => fake.calls.some(isBeat));
    await until(() => clock.nextInMs === 3000);
    expect(await stateOf()).toBe('draining');
    fake.restartEmpty();
    await clock.advance(3000);
    await until(() => fake.calls.filter(isBeat).length === 2);
    await clock.advance(500);
    await until(() => fake.calls.filter(isBeat).length === 3);
    const beats = fake.calls.filter(isBeat).map(({ body }) => body);
    expect(beats).toEqual(Array(3).fill({ Status: 'critical', Output: 'draining' }));
  });

  it('is registered again with a token that was exchanged, in its state, and beats with it', async () => {
    writeFileSync(tokenFile, 'one');
    const { fake, clock, register } = await open(1, 0.5, { tokenFile });
    const registration = await register();
    registration.report('ready', 'first sync done');
    await until(() => clock.nextInMs === 3000);
    writeFileSync(tokenFile, 'two');
    const before = fake.calls.length;
    for (let beats = 1; beats <= 2; beats += 1) {
      await clock.advance(3000);
      await until(() => clock.nextInMs === 3000);
    }
    const calls = fake.calls.slice(before);
    expect(calls.map(({ token }) => token)).toEqual(['two', 'two', 'two']);
    expect(calls.map(isRegister)).toEqual([true, false, false]);
    expect(calls[0]?.body).toMatchObject({ Check: { Status: 'passing' } });
    expect(calls[1]?.body).toEqual({ Status: 'passing', Output: 'first sync done' });
    expect(fake.registered).toEqual(['metadata-1=passing']);
  });

  it('stays at its agent while a watch is refused at it', async () => {
    const { fake, other, clock, registry, register } = await open(2);
    const registration = await register();
    for (const agent of [fake, other]) {
      agent.react = ({ path }) =>
        path === '/v1/health/service/secret' ? { status: 403, body: 'denied' } : undefined;
    }
    const secret = registry.watch('secret');
    for (let second = 0; second < 60; second += 1) {
      await clock.advance(1000);
      await new Promise(setImmediate);
    }
    expect(secret.failures.get('http_403')).toBeGreaterThan(1);
    expect([fake, other].map(({ calls }) => calls.filter(isRegister).length)).toEqual([1, 0]);
    expect(fake.calls.filter(isBeat).length).toBeGreaterThanOrEqual(15);
    expect(other.calls.filter(isBeat)).toEqual([]);
    await registration.deregister();
  });

  it('moves when its own agent answers 500, and leaves that as soon as it answers again', async () => {
    const { fake, other, clock, register } = await open(2);
    const registration = await register({ state: 'ready' });
    fake.react = () => ({ status: 500 });
    await clock.advance(3000);
    await until(() => clock.nextInMs === 500);
    await clock.advance(500);
    await until(() => other.registered.length === 1);
    await until(() => fake.calls.some(isDeregister));
    await until(() => clock.nextInMs === 3000);
    expect([fake.registered, registration.failure]).toEqual([['metadata-1=passing'], undefined]);
    fake.react = () => undefined;
    await clock.advance(3000);
    await until(() => fake.registered.length === 0);
    expect(other.registered).toEqual(['metadata-1=passing']);
    const left = fake.calls.length;
    await until(() => clock.nextInMs === 3000);
    await clock.advance(3000);
    await until(() => clock.nextInMs === 3000);
    expect(fake.calls).toHaveLength(left);
  });

  it('is registered again at once when the agent that it left was the same one', async () => {
    const clock = new ManualClock();
    const fake = await FakeConsul.start();
    const { port } = fake.address;
    const agents = [fake.address, { host: 'localhost', port }];
    const registry = new ConsulRegistry({ agents, clock, random: () => 0.5 });
    closing.push(
      () => fake.stop(),
      () => registry.close(),
    );
    await registry.register(instance({ state: 'ready' }));
    let failed = false;
    fake.react = (call) => {
      if (failed || !isBeat(call)) return undefined;
      failed = true;
      return { status: 500 };
    };
    await clock.advance(3000);
    await until(() => fake.calls.filter(isBeat).length === 3);
    await until(() => clock.nextInMs === 500);
    await clock.advance(500);
    await until(() => fake.registered.length === 1);
    expect(fake.calls.filter(isDeregister)).toHaveLength(1);
  });

  it('moves to the next agent when its own is gone, and is taken out at both', async () => {
    const { fake, other, clock, register } = await open(2);
    const registration = await register();
    registration.report('ready');
    await until(() => clock.nextInMs === 3000);
    fake.react = () => ({ drop: 'reset' });
    await clock.advance(3000);
    await until(() => clock.nextInMs === 500);
    await clock.advance(500);
    await until(() => other.registered.length === 1);
    expect(other.registered).toEqual(['metadata-1=passing']);
    await until(() => clock.nextInMs === 3000);
    fake.react = () => undefined;
    await registration.deregister();
    expect([fake.registered, other.registered]).toEqual([[], []]);
  });

  it('is taken out also where the answer to its registration was lost', async () => {
    const { fake, other, clock, register } = await open(2);
    fake.react = (call) => (isRegister(call) ? { lost: true } : undefined);
    const registered = register();
    await until(() => fake.registered.length === 1);
    await clock.advance(2000);
    const registration = await registered;
    expect(other.registered).toEqual(['metadata-1=critical']);
    await registration.deregister();
    expect([fake.registered, other.registered]).toEqual([[], []]);
  });
});

describe('registering at Consul', () => {
  it.each([
    [400, 'registration_refused'],
    [403, 'registration_refused'],
    [429, 'registry_unavailable'],
    [500, 'registry_unavailable'],
  ])('rejects when the agent answers %d, with what it said', async (status, code) => {
    const { fake, clock, register, registry } = await open();
    fake.react = () => ({ status, body: 'no, because' });
    await expect(register()).rejects.toMatchObject({
      code,
      message: `registering 'metadata-1' (10.0.0.1:8081): Consul answered ${status} no, because`,
    });
    await registry.close();
    expect(clock.pending).toBe(0);
    // What a 4xx refuses was not registered.
    expect(fake.calls.filter(isDeregister)).toHaveLength(status < 500 ? 0 : 1);
  });

  it('tries each agent once, and names the last one that could not be reached', async () => {
    const { fake, other, register } = await open(2);
    fake.react = () => ({ drop: 'reset' });
    other.react = () => ({ drop: 'reset' });
    await expect(register()).rejects.toMatchObject({
      code: 'registry_unavailable',
      message: expect.stringContaining(
        `registering 'metadata-1' (10.0.0.1:8081): the connection to the Consul agent 127.0.0.1:${other.address.port} broke`,
      ) as string,
    });
    expect([fake, other].map(({ calls }) => calls.filter(isRegister).length)).toEqual([1, 1]);
  });

  it.each<[string, Reaction]>([
    ['closes the connection', { drop: 'reset' }],
    ['answers 500', { status: 500 }],
    ['answers 429', { status: 429, headers: { 'retry-after': '60' } }],
    ['answers 403', { status: 403 }],
    ['is no Consul', { status: 404 }],
  ])(
    'goes on at the next agent when the first one %s, and stands there alone',
    async (_, reaction) => {
      const { fake, other, register } = await open(2);
      fake.react = () => reaction;
      const registration = await register();
      fake.react = () => undefined;
      expect([fake.registered, other.registered]).toEqual([[], ['metadata-1=critical']]);
      await registration.deregister();
      expect(other.registered).toEqual([]);
    },
  );

  it('is refused when one agent says no, although the next one is not there', async () => {
    const { fake, other, register } = await open(2);
    fake.react = () => ({ status: 403, body: 'Permission denied' });
    other.react = () => ({ drop: 'reset' });
    await expect(register()).rejects.toMatchObject({
      code: 'registration_refused',
      message: expect.stringContaining('Consul answered 403 Permission denied') as string,
    });
  });

  it('takes no instance with a bad field, and sends none', async () => {
    const { fake, registry } = await open();
    const bad = { ...instance(), weight: 0 };
    await expect(registry.register(bad)).rejects.toMatchObject({ code: 'invalid_instance' });
    expect(fake.calls).toEqual([]);
  });

  it('ends with the reason of its signal while an agent is silent', async () => {
    const { fake, registry } = await open();
    fake.react = (call) => (isRegister(call) ? { drop: 'hang' } : undefined);
    const controller = new AbortController();
    const reason = new Error('no longer wanted');
    const rejected = expect(
      registry.register(instance(), { signal: controller.signal }),
    ).rejects.toBe(reason);
    await until(() => fake.calls.length === 1);
    controller.abort(reason);
    await rejected;
  });
});

describe('what an agent registered although register rejects', () => {
  /** A registry whose agent registers `metadata-1` and does not say so. */
  async function openLost() {
    const opened = await open();
    const { fake } = opened;
    fake.react = (call) => (isRegister(call) ? { lost: true } : undefined);
    const controller = new AbortController();
    const { signal } = controller;
    const registered = opened.registry.register(instance(), { signal });
    const rejected = registered.then(
      () => undefined,
      (error: unknown) => error,
    );
    await until(() => fake.registered.length === 1);
    return { ...opened, controller, rejected };
  }

  it('is taken out after an abort', async () => {
    const { fake, clock, controller, rejected } = await openLost();
    controller.abort();
    expect(await rejected).toBe(controller.signal.reason);
    await until(() => fake.registered.length === 0);
    await until(() => clock.pending === 0);
  });

  it('is taken out after the time of the request is over', async () => {
    const { fake, clock, rejected } = await openLost();
    await clock.advance(2000);
    expect(await rejected).toMatchObject({ code: 'registry_unavailable' });
    await until(() => fake.registered.length === 0);
    await until(() => clock.pending === 0);
  });

  it('is taken out before the registry is closed', async () => {
    const { fake, clock, registry, controller } = await openLost();
    controller.abort();
    await registry.close();
    expect([fake.registered, clock.pending]).toEqual([[], 0]);
  });

  it('is taken out when the registry is closed meanwhile', async () => {
    const { fake, clock, registry, rejected } = await openLost();
    await registry.close();
    expect(await rejected).toMatchObject({ code: 'closed' });
    expect([fake.registered, clock.pending]).toEqual([[], 0]);
  });

  it('delays neither the abort nor, by more than 2 s, the end of the registry', async () => {
    const { fake, clock, registry, controller, rejected } = await openLost();
    fake.react = () => ({ drop: 'hang' });
    controller.abort();
    await rejected;
    await until(() => fake.calls.some(isDeregister));
    const closed = registry.close();
    await clock.advance(2000);
    await closed;
    expect(clock.pending).toBe(0);
  });

  it('is not taken out any more once register is called again', async () => {
    const { fake, register, controller, rejected } = await openLost();
    fake.react = () => undefined;
    controller.abort();
    await rejected;
    await register({ state: 'ready' });
    expect(fake.registered).toEqual(['metadata-1=passing']);
    expect(fake.calls.map(({ path }) => path.split('/')[4])).toEqual([
      'register',
      'deregister',
      'register',
    ]);
  });

  it('does not hold up the abort of a later register', async () => {
    const { fake, clock, registry, controller, rejected } = await openLost();
    fake.react = () => ({ drop: 'hang' });
    controller.abort();
    await rejected;
    const again = new AbortController();
    const waiting = registry.register(instance(), { signal: again.signal });
    again.abort();
    await expect(waiting).rejects.toBe(again.signal.reason);
    const closed = registry.close();
    await until(() => clock.nextInMs === 2000);
    await clock.advance(2000);
    await closed;
    expect(fake.calls.filter(isRegister)).toHaveLength(1);
  });
});

describe('deregistering at Consul', () => {
  it('ends the beats first, and asks once however often it is called', async () => {
    const { fake, clock, register } = await open();
    const registration = await register();
    await Promise.all([registration.deregister(), registration.deregister()]);
    await registration.deregister();
    expect(clock.pending).toBe(0);
    expect(fake.calls.filter(isDeregister).map(({ path }) => path)).toEqual([
      '/v1/agent/service/deregister/metadata-1',
    ]);
    expect(fake.calls.some(isBeat)).toBe(false);
  });

  it('ends a beat that waits to register again', async () => {
    const { fake, clock, register } = await open();
    const registration = await register();
    fake.restartEmpty();
    await clock.advance(3000);
    await until(() => clock.nextInMs === 500);
    await registration.deregister();
    expect([clock.pending, fake.registered]).toEqual([0, []]);
    expect(fake.calls.filter(isRegister)).toHaveLength(1);
  });

  it('is fine when the agent does not know the instance any more', async () => {
    const { fake, register } = await open();
    const registration = await register();
    fake.restartEmpty();
    await registration.deregister();
    expect(fake.calls.at(-1)?.path).toBe('/v1/agent/service/deregister/metadata-1');
  });

  it.each<[string, Reaction]>([
    ['answers 403', { status: 403, body: 'denied' }],
    ['answers 500', { status: 500, body: 'rpc error' }],
    ['closes the connection', { drop: 'reset' }],
  ])('rejects when the agent %s', async (_, reaction) => {
    const { fake, register } = await open();
    const registration = await register();
    fake.react = () => reaction;
    await expect(registration.deregister()).rejects.toMatchObject({
      code: 'registry_unavailable',
      message: expect.stringContaining("deregistering 'metadata-1'") as string,
    });
  });

  it('waits 2 s for a silent agent', async () => {
    const { fake, clock, register } = await open();
    const registration = await register();
    fake.react = () => ({ drop: 'hang' });
    const rejected = expect(registration.deregister()).rejects.toThrow('no answer within 2000 ms');
    await until(() => fake.calls.some(isDeregister));
    await clock.advance(2000);
    await rejected;
    expect(clock.pending).toBe(0);
  });
});

describe('closing a registry with a registration that was not ended', () => {
  it('ends its beats, and leaves no timer and no connection', async () => {
    const { fake, clock, register, registry } = await open();
    const registration = await register();
    await registry.close();
    expect(clock.pending).toBe(0);
    registration.report('ready');
    await clock.advance(60_000);
    await fake.idle();
    expect(fake.calls.some(isBeat)).toBe(false);
    await expect(registration.deregister()).rejects.toMatchObject({ code: 'registry_unavailable' });
  });

  it('waits for one that is being ended', async () => {
    const { fake, clock, register, registry } = await open();
    const registration = await register();
    const deregistered = registration.deregister();
    await registry.close();
    await deregistered;
    expect([fake.registered, clock.pending]).toEqual([[], 0]);
  });

  it('rejects a call of register that is under way, and sends no beat', async () => {
    const { fake, clock, register, registry } = await open();
    fake.react = (call) => (isRegister(call) ? { drop: 'hang' } : undefined);
    const rejected = expect(register()).rejects.toMatchObject({ code: 'closed' });
    await until(() => fake.calls.length === 1);
    await registry.close();
    await rejected;
    expect(clock.pending).toBe(0);
  });
});
