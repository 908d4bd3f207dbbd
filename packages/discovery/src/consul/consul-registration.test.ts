import { createInstance, type InstanceFields } from '../instance';
import { ManualClock, until } from '@movies/time/testing';
import { ConsulRegistry } from './consul-registry';
import { FakeConsul, type ConsulCall, type Reaction } from '../testing/fake-consul';

const closing: (() => Promise<void>)[] = [];

afterEach(async () => {
  while (closing.length > 0) await closing.pop()?.();
});

/** A registry over `count` agents, whose draws are all a half. */
async function open(count = 1, draw = 0.5) {
  const clock = new ManualClock();
  const fakes: FakeConsul[] = [];
  for (let i = 0; i < count; i += 1) fakes.push(await FakeConsul.start());
  const agents = fakes.map(({ address }) => address);
  const registry = new ConsulRegistry({ agents, clock, random: () => draw });
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
    await register({ zone: 'zone-1', weight: 2.4, labels: { version: '1.2.3' } });
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
          Tags: ['version=1.2.3', 'zone=zone-1'],
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
    registration.reportHealth(true, 'first sync done');
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
    registration.reportHealth(true);
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
    [
      'answers 500',
      { status: 500, body: 'rpc error' },
      'Consul answered a beat with 500 rpc error',
    ],
    ['answers 403', { status: 403, body: 'denied' }, 'Consul answered a beat with 403 denied'],
    ['closes the connection', { drop: 'reset' }, "beating for 'metadata-1' (10.0.0.1:8081): the"],
  ])(
    'tells why a beat failed when the agent %s, until one arrives',
    async (_, reaction, reason) => {
      const { fake, clock, register } = await open();
      const registration = await register();
      fake.react = () => reaction;
      await clock.advance(3000);
      await until(() => registration.failure !== undefined);
      expect(registration.failure?.code).toBe('registry_unavailable');
      expect(registration.failure?.message).toContain(reason);
      fake.react = () => undefined;
      await until(() => clock.nextInMs === 3000);
      await clock.advance(3000);
      await until(() => registration.failure === undefined);
    },
  );

  it('moves to the next agent when its own is gone, and is taken out at both', async () => {
    const { fake, other, clock, register } = await open(2);
    const registration = await register();
    registration.reportHealth(true);
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
    [500, 'registry_unavailable'],
  ])('rejects when the agent answers %d, with what it said', async (status, code) => {
    const { fake, clock, register } = await open(2);
    fake.react = () => ({ status, body: 'no, because' });
    await expect(register()).rejects.toMatchObject({
      code,
      message: `Consul answered registering 'metadata-1' with ${status} no, because`,
    });
    expect(clock.pending).toBe(0);
  });

  it('tries each agent once, and names the last one that could not be reached', async () => {
    const { fake, other, register } = await open(2);
    fake.react = () => ({ drop: 'reset' });
    other.react = () => ({ drop: 'reset' });
    await expect(register()).rejects.toMatchObject({
      code: 'registry_unavailable',
      message: expect.stringContaining(
        `registering 'metadata-1' (10.0.0.1:8081): the Consul agent 127.0.0.1:${other.address.port}`,
      ) as string,
    });
    expect([fake.calls.length, other.calls.length]).toEqual([1, 1]);
  });

  it('ends with the reason of its signal while an agent is silent', async () => {
    const { fake, clock, registry } = await open();
    fake.react = () => ({ drop: 'hang' });
    const controller = new AbortController();
    const reason = new Error('no longer wanted');
    const rejected = expect(
      registry.register(instance(), { signal: controller.signal }),
    ).rejects.toBe(reason);
    await until(() => fake.calls.length === 1);
    controller.abort(reason);
    await rejected;
    expect(clock.pending).toBe(0);
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
    registration.reportHealth(true);
    await clock.advance(60_000);
    await fake.idle();
    expect(fake.calls.some(isBeat)).toBe(false);
    await expect(registration.deregister()).rejects.toMatchObject({ code: 'registry_unavailable' });
  });

  it('rejects a call of register that is under way, and beats for nobody', async () => {
    const { fake, clock, register, registry } = await open();
    fake.react = () => ({ drop: 'hang' });
    const rejected = expect(register()).rejects.toMatchObject({ code: 'closed' });
    await until(() => fake.calls.length === 1);
    await registry.close();
    await rejected;
    expect(clock.pending).toBe(0);
  });
});
