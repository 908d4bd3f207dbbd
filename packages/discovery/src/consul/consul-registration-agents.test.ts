import { ManualClock, until } from '@movies/time/testing';
import { ConsulRegistry } from './consul-registry';
import { FakeConsul } from '../testing/fake-consul';
import {
  closeAll,
  closeLater,
  isBeat,
  isDeregister,
  isRegister,
  metadata,
  openConsul,
} from './testing/open-consul';

afterEach(closeAll);

describe('a registration at Consul with two agents', () => {
  it('stays at its agent while a watch is refused at it', async () => {
    const { fake, other, clock, registry, register } = await openConsul(2);
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
    const { fake, other, clock, register } = await openConsul(2);
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
    closeLater(
      () => fake.stop(),
      () => registry.close(),
    );
    await registry.register(metadata({ state: 'ready' }));
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
    const { fake, other, clock, register } = await openConsul(2);
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
    const { fake, other, clock, register } = await openConsul(2);
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
