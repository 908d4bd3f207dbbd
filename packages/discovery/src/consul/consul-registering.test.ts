import { until } from '@movies/time/testing';
import type { Reaction } from '../testing/fake-consul';
import { closeAll, isDeregister, isRegister, metadata, openConsul } from './testing/open-consul';

afterEach(closeAll);

describe('registering at Consul', () => {
  it.each([
    [400, 'registration_refused'],
    [403, 'registration_refused'],
    [429, 'registry_unavailable'],
    [500, 'registry_unavailable'],
  ])('rejects when the agent answers %d, with what it said', async (status, code) => {
    const { fake, clock, register, registry } = await openConsul();
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
    const { fake, other, register } = await openConsul(2);
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
      const { fake, other, register } = await openConsul(2);
      fake.react = () => reaction;
      const registration = await register();
      fake.react = () => undefined;
      expect([fake.registered, other.registered]).toEqual([[], ['metadata-1=critical']]);
      await registration.deregister();
      expect(other.registered).toEqual([]);
    },
  );

  it('is refused when one agent says no, although the next one is not there', async () => {
    const { fake, other, register } = await openConsul(2);
    fake.react = () => ({ status: 403, body: 'Permission denied' });
    other.react = () => ({ drop: 'reset' });
    await expect(register()).rejects.toMatchObject({
      code: 'registration_refused',
      message: expect.stringContaining('Consul answered 403 Permission denied') as string,
    });
  });

  it('takes no instance with a bad field, and sends none', async () => {
    const { fake, registry } = await openConsul();
    const bad = { ...metadata(), weight: 0 };
    await expect(registry.register(bad)).rejects.toMatchObject({ code: 'invalid_instance' });
    expect(fake.calls).toEqual([]);
  });

  it('ends with the reason of its signal while an agent is silent', async () => {
    const { fake, registry } = await openConsul();
    fake.react = (call) => (isRegister(call) ? { drop: 'hang' } : undefined);
    const controller = new AbortController();
    const reason = new Error('no longer wanted');
    const rejected = expect(
      registry.register(metadata(), { signal: controller.signal }),
    ).rejects.toBe(reason);
    await until(() => fake.calls.length === 1);
    controller.abort(reason);
    await rejected;
  });
});

describe('what an agent registered although register rejects', () => {
  /** A registry whose agent registers `metadata-1` and does not say so. */
  async function openLost() {
    const opened = await openConsul();
    const { fake } = opened;
    fake.react = (call) => (isRegister(call) ? { lost: true } : undefined);
    const controller = new AbortController();
    const { signal } = controller;
    const registered = opened.registry.register(metadata(), { signal });
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
    const waiting = registry.register(metadata(), { signal: again.signal });
    again.abort();
    await expect(waiting).rejects.toBe(again.signal.reason);
    const closed = registry.close();
    await until(() => clock.nextInMs === 2000);
    await clock.advance(2000);
    await closed;
    expect(fake.calls.filter(isRegister)).toHaveLength(1);
  });
});
