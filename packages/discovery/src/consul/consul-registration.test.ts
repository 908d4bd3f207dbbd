import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from '@movies/time/testing';
import type { InstanceState } from '../instance';
import type { Reaction } from '../testing/fake-consul';
import { closeAll, isBeat, isDeregister, isRegister, openConsul } from './testing/open-consul';

afterEach(closeAll);

const folder = mkdtempSync(join(tmpdir(), 'consul-registration-'));
const tokenFile = join(folder, 'token');

afterAll(() => {
  rmSync(folder, { recursive: true });
});

describe('a registration at Consul', () => {
  it('tells all of the instance, with a TTL check that is critical and takes it out one day', async () => {
    const { fake, register } = await openConsul();
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
    const { fake, register } = await openConsul();
    await register({ state: 'ready' });
    expect(fake.registered).toEqual(['metadata-1=passing']);
  });

  it.each([
    [0, 2700],
    [0.5, 3000],
    [1, 3300],
  ])('beats every 3 s, give or take a tenth: a draw of %d makes %d ms', async (draw, expected) => {
    const { fake, clock, register } = await openConsul(1, draw);
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
    const { fake, clock, register } = await openConsul();
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
    const { fake, clock, register } = await openConsul();
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
      const { fake, clock, register } = await openConsul();
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
    const { fake, register } = await openConsul();
    const registration = await register();
    const told = fake.next(isBeat);
    registration.report(state, note);
    expect((await told).body).toEqual({ Status: 'critical', Output: output });
  });

  it('takes no state that there is not', async () => {
    const { register } = await openConsul();
    const registration = await register();
    expect(() => {
      registration.report(true as unknown as InstanceState);
    }).toThrow('the state of an instance is true: expected ready, draining, not_ready');
  });

  it('says that it drains from the start, and again where it was forgotten', async () => {
    const { fake, clock, register, registry } = await openConsul();
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
    const { fake, clock, register } = await openConsul(1, 0.5, { tokenFile });
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
});

describe('deregistering at Consul', () => {
  it('ends the beats first, and asks once however often it is called', async () => {
    const { fake, clock, register } = await openConsul();
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
    const { fake, clock, register } = await openConsul();
    const registration = await register();
    fake.restartEmpty();
    await clock.advance(3000);
    await until(() => clock.nextInMs === 500);
    await registration.deregister();
    expect([clock.pending, fake.registered]).toEqual([0, []]);
    expect(fake.calls.filter(isRegister)).toHaveLength(1);
  });

  it('is fine when the agent does not know the instance any more', async () => {
    const { fake, register } = await openConsul();
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
    const { fake, register } = await openConsul();
    const registration = await register();
    fake.react = () => reaction;
    await expect(registration.deregister()).rejects.toMatchObject({
      code: 'registry_unavailable',
      message: expect.stringContaining("deregistering 'metadata-1'") as string,
    });
  });

  it('waits 2 s for a silent agent', async () => {
    const { fake, clock, register } = await openConsul();
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
    const { fake, clock, register, registry } = await openConsul();
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
    const { fake, clock, register, registry } = await openConsul();
    const registration = await register();
    const deregistered = registration.deregister();
    await registry.close();
    await deregistered;
    expect([fake.registered, clock.pending]).toEqual([[], 0]);
  });

  it('rejects a call of register that is under way, and sends no beat', async () => {
    const { fake, clock, register, registry } = await openConsul();
    fake.react = (call) => (isRegister(call) ? { drop: 'hang' } : undefined);
    const rejected = expect(register()).rejects.toMatchObject({ code: 'closed' });
    await until(() => fake.calls.length === 1);
    await registry.close();
    await rejected;
    expect(clock.pending).toBe(0);
  });
});
