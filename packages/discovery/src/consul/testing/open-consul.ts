import { ManualClock } from '@movies/time/testing';
import { createInstance, type InstanceFields } from '../../instance';
import { FakeConsul, type ConsulCall } from '../../testing/fake-consul';
import { ConsulRegistry, type ConsulRegistryOptions } from '../consul-registry';

const closing: (() => Promise<void>)[] = [];

/** Closes what the test has opened, the last first; for `afterEach`. */
export async function closeAll(): Promise<void> {
  while (closing.length > 0) await closing.pop()?.();
}

/** Has `close` called at the end of the test. */
export function closeLater(...close: readonly (() => Promise<void>)[]): void {
  closing.push(...close);
}

/** A registry over `count` agents, whose draws are all `draw`, on a clock that stands. */
export async function openConsul(
  count = 1,
  draw = 0.5,
  options: Partial<ConsulRegistryOptions> = {},
) {
  const clock = new ManualClock();
  const fakes: FakeConsul[] = [];
  for (let i = 0; i < count; i += 1) fakes.push(await FakeConsul.start());
  const agents = fakes.map(({ address }) => address);
  const registry = new ConsulRegistry({ agents, clock, random: () => draw, ...options });
  closeLater(...fakes.map((fake) => () => fake.stop()), () => registry.close());
  const [first, second] = fakes;
  if (first === undefined) throw new Error('needs an agent');
  const register = (fields: Partial<InstanceFields> = {}) => registry.register(metadata(fields));
  return { clock, registry, register, fake: first, other: second ?? first };
}

/** An instance of `metadata` that is not ready yet. */
export function metadata(fields: Partial<InstanceFields> = {}) {
  const plain = { id: 'metadata-1', service: 'metadata', host: '10.0.0.1', port: 8081 };
  return createInstance({ ...plain, state: 'not_ready', ...fields });
}

export const isBeat = ({ path }: ConsulCall) => path.startsWith('/v1/agent/check/update/');
export const isRegister = ({ path }: ConsulCall) => path === '/v1/agent/service/register';
export const isDeregister = ({ path }: ConsulCall) =>
  path.startsWith('/v1/agent/service/deregister/');
