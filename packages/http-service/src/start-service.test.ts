import { type Instance } from '@movies/discovery';
import { SourceFailure, WatchedRegistry, type Sink } from '@movies/discovery/adapter';
import { DiscoveryError } from '@movies/discovery';
import { MemoryRegistry } from '@movies/discovery/memory';
import { Origin } from '@movies/service-client/testing';
import {
  startService,
  type RunningService,
  type ServiceClients,
  type ServiceDefinition,
} from './start-service';
import type { Store } from './store';
import { testConfig } from './testing';

const definition: ServiceDefinition = {
  name: 'thing',
  version: '1.2.3',
  upstreams: [],
  routes: (router) => {
    router.get('/thing', (ctx) => {
      ctx.body = { ok: true };
    });
    router.get('/broken', () => {
      throw new Error('secret');
    });
  },
};

const running: RunningService[] = [];

async function start(...args: Parameters<typeof startService>): Promise<RunningService> {
  const service = await startService(...args);
  running.push(service);
  return service;
}

afterEach(async () => {
  await Promise.all(running.splice(0).map((service) => service.stop()));
});

const get = (service: RunningService, path: string, headers: Record<string, string> = {}) =>
  fetch(`http://127.0.0.1:${service.port}${path}`, { headers });

/** Resolves once the registry has an instance of `thing` that `matches`. */
function instanceIn(
  registry: MemoryRegistry,
  matches: (instance: Instance | undefined) => boolean,
): Promise<void> {
  return new Promise((resolve) => {
    const watch = registry.watch('thing');
    watch.subscribe((view) => {
      if (view.state === 'known' && matches(view.instances[0])) resolve(watch.close());
    });
  });
}

/** The state of `thing` in each set that the registry tells; `undefined` while there is none. */
function recordStates(registry: MemoryRegistry): (string | undefined)[] {
  const states: (string | undefined)[] = [];
  registry.watch('thing').subscribe((view) => {
    if (view.state === 'known') states.push(view.instances[0]?.state);
  });
  return states;
}

/** What a registrar has beside `register`, where nothing is open. */
const opensNothing = { [Symbol.asyncDispose]: () => Promise.resolve() };

it('is registered not ready, then ready, under its address and with its version', async () => {
  const registry = new MemoryRegistry();
  const states = recordStates(registry);
  const service = await start(
    definition,
    testConfig({ registry: { registry, registrar: registry }, zone: 'a' }),
  );
  await service.ready;
  await instanceIn(registry, (instance) => instance?.state === 'ready');
  expect(states).toEqual([undefined, 'not_ready', 'ready']);
  expect(await registry.discover('thing')).toEqual([
    {
      id: service.instanceId,
      service: 'thing',
      host: '127.0.0.1',
      port: service.port,
      state: 'ready',
      weight: 1,
      tags: [],
      zone: 'a',
      labels: { version: '1.2.3' },
    },
  ]);
});

it("takes the pod's name and address in a pod", async () => {
  const registry = new MemoryRegistry();
  const config = testConfig({ registry: { registry, registrar: registry } });
  const service = await start(definition, config, { POD_NAME: 'thing-abc', POD_IP: '10.0.0.9' });
  await service.ready;
  expect(service.instanceId).toBe('thing-abc');
  expect(await registry.discover('thing')).toMatchObject([{ id: 'thing-abc', host: '10.0.0.9' }]);
});

it.each([
  { what: 'zone', env: {}, fields: { near: { zone: 'a' }, far: { zone: 'b' } } },
  {
    what: 'node',
    env: { NODE_NAME: 'n' },
    fields: { near: { hints: { nodes: ['n'] } }, far: { hints: { nodes: ['o'] } } },
  },
])('calls the instances in its own $what', async ({ env, fields }) => {
  const near = await Origin.listen('near');
  const far = await Origin.listen('far');
  const registry = new WatchedRegistry({
    name: 'told',
    open: (_target, sink) => {
      sink.publish([far.instance(fields.far), near.instance(fields.near)]);
      return { turn: () => Promise.resolve(Infinity) };
    },
  });
  let clients: ServiceClients | undefined;
  const service = await start(
    { ...definition, upstreams: ['other'], routes: (_router, given) => (clients = given) },
    testConfig({ registry: { registry }, zone: 'a' }),
    env,
  );
  await service.ready;
  const client = clients?.get('other');
  for (let i = 0; i < 20; i += 1) await client?.request({ method: 'GET', path: '/' });
  expect([near.requests.length, far.requests.length]).toEqual([20, 0]);
  await Promise.all([near.close(), far.close()]);
});

it('is ready only when the sets of its upstreams are known, be they empty', async () => {
  let sink: Sink | undefined;
  const registry = new WatchedRegistry({
    name: 'told',
    open: (_target, opened) => {
      sink = opened;
      return { turn: () => Promise.resolve(Infinity) };
    },
  });
  const service = await start(
    { ...definition, upstreams: ['other'] },
    testConfig({ registry: { registry } }),
  );
  sink?.fail(new SourceFailure('unreachable', 'no route to the registry'));
  const waiting = await get(service, '/readyz');
  expect(waiting.status).toBe(503);
  expect(waiting.headers.get('retry-after')).toBe('1');
  const { detail } = (await waiting.json()) as { detail: string };
  expect(detail).toMatch(/^the instances of 'other' are not known/);
  expect(service.unreadyBecause).toBe(detail);
  expect((await get(service, '/livez')).status).toBe(200);
  sink?.publish([], { emptyBecause: 'nobody made a Service' });
  await service.ready;
  const ready = await get(service, '/readyz');
  expect(ready.status).toBe(200);
  expect(service.unreadyBecause).toBeUndefined();
  expect(await ready.json()).toEqual({
    status: 'ready',
    concerns: ["there is no instance of 'other': nobody made a Service"],
  });
});

it('stays up and says so when the registry cannot have an upstream', async () => {
  const registry = new MemoryRegistry();
  const upstreams = ['other.namespace'];
  const service = await start({ ...definition, upstreams }, testConfig({ registry: { registry } }));
  let detail = '';
  while (!detail.includes("'other.namespace' cannot be watched")) {
    const response = await get(service, '/readyz');
    expect(response.status).toBe(503);
    ({ detail } = (await response.json()) as { detail: string });
  }
  expect((await get(service, '/livez')).status).toBe(200);
});

it('tries to register until the registry is there', async () => {
  const memory = new MemoryRegistry();
  let tries = 0;
  const registrar = {
    ...opensNothing,
    register: (instance: Instance) => {
      tries += 1;
      if (tries > 2) return memory.register(instance);
      return Promise.reject(new DiscoveryError('registry_unavailable', 'nobody there'));
    },
  };
  const service = await start(
    definition,
    testConfig({ registry: { registry: memory, registrar } }),
  );
  const response = await get(service, '/readyz');
  expect(response.status).toBe(503);
  await service.ready;
  expect(tries).toBe(3);
});

it("stays up while its agent's name does not resolve, and says so", async () => {
  const registry = new MemoryRegistry();
  // RFC 6761 keeps this name from ever existing.
  const agent = { host: 'no-such-host.invalid', port: 8500 };
  const config = testConfig({
    host: undefined,
    registry: { registry, registrar: registry, agent },
  });
  const service = await start(definition, config);
  let detail = '';
  while (!detail.includes('no-such-host.invalid')) {
    const response = await get(service, '/readyz');
    expect(response.status).toBe(503);
    ({ detail } = (await response.json()) as { detail: string });
  }
  expect((await get(service, '/livez')).status).toBe(200);
});

it('does not become ready once it is told to stop', async () => {
  const registry = new MemoryRegistry();
  const states = recordStates(registry);
  const service = await startService(
    definition,
    testConfig({ registry: { registry, registrar: registry } }),
  );
  await service.stop();
  expect(states).not.toContain('ready');
  expect(states.at(-1)).toBeUndefined();
});

it('is out of the registry, and not ready, before it stops accepting', async () => {
  const registry = new MemoryRegistry();
  const config = testConfig({ registry: { registry, registrar: registry }, shutdownDelayMs: 200 });
  const service = await start(definition, config);
  await service.ready;
  const gone = instanceIn(registry, (instance) => instance === undefined);
  const stopped = service.stop();
  await gone;
  const response = await get(service, '/readyz');
  expect(response.status).toBe(503);
  expect(await response.json()).toMatchObject({ detail: 'draining' });
  expect((await get(service, '/thing')).headers.get('connection')).toBe('close');
  expect(await stopped).toBe(true);
  await expect(get(service, '/thing')).rejects.toThrow();
});

it('stops twice, and while it is still waiting for the registry', async () => {
  const registry = new MemoryRegistry();
  const never = new Promise<never>(() => undefined);
  const registrar = {
    ...opensNothing,
    register: (_instance: Instance, { signal }: { signal?: AbortSignal } = {}) =>
      Promise.race([
        never,
        new Promise<never>((_resolve, reject) => {
          signal?.addEventListener('abort', () => {
            reject(signal.reason as Error);
          });
        }),
      ]),
  };
  const service = await start(definition, testConfig({ registry: { registry, registrar } }));
  expect(await service.stop()).toBe(true);
  expect(await service.stop()).toBe(true);
});

it('leaves nothing registered when its port is taken', async () => {
  const registry = new MemoryRegistry();
  const config = testConfig({ registry: { registry, registrar: registry } });
  const first = await start(definition, config);
  await first.ready;
  const second = startService(definition, { ...config, port: first.port });
  await expect(second).rejects.toMatchObject({ code: 'EADDRINUSE' });
  expect(await registry.discover('thing')).toHaveLength(1);
});

describe('a service with a store', () => {
  /** A store that does as it is told, and notes what is asked of it. */
  class ScriptedStore implements Store {
    failure: Store['failure'] = undefined;
    prepared = 0;
    closed = 0;
    onPrepare: (signal: AbortSignal) => Promise<void> = () => Promise.resolve();
    /** Tells of a query. */
    tell: Parameters<Store['onQuery']>[0] = () => undefined;

    onQuery(listener: Parameters<Store['onQuery']>[0]): void {
      this.tell = listener;
    }

    prepare(signal: AbortSignal): Promise<void> {
      this.prepared += 1;
      return this.onPrepare(signal);
    }

    async close(): Promise<void> {
      this.closed += 1;
    }
  }

  it('is ready once that is prepared, which is tried until it succeeds', async () => {
    const store = new ScriptedStore();
    let isThere = false;
    store.onPrepare = () =>
      isThere ? Promise.resolve() : Promise.reject(new Error('nobody there'));
    const service = await start({ ...definition, store }, testConfig());
    let detail = '';
    while (detail !== 'the database is not ready: nobody there') {
      const response = await get(service, '/readyz');
      expect(response.status).toBe(503);
      ({ detail } = (await response.json()) as { detail: string });
    }
    isThere = true;
    await service.ready;
    expect(store.prepared).toBeGreaterThan(1);
    expect((await get(service, '/readyz')).status).toBe(200);
  });

  it('stays ready when that fails later, and says so', async () => {
    const store = new ScriptedStore();
    const service = await start({ ...definition, store }, testConfig());
    await service.ready;
    store.failure = { code: 'database_unavailable', message: 'nobody there' };
    const response = await get(service, '/readyz');
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({ status: 'ready', concerns: ['nobody there'] });
  });

  it('counts the queries of that', async () => {
    const store = new ScriptedStore();
    const service = await start({ ...definition, store }, testConfig());
    store.tell({ query: 'thing-get', outcome: 'ok', durationMs: 3 });
    expect(await (await get(service, '/metrics')).text()).toContain(
      'database_query_duration_seconds_count{query="thing-get",outcome="ok"} 1',
    );
  });

  it('ends the preparing when it stops, and closes it', async () => {
    const store = new ScriptedStore();
    store.onPrepare = (signal) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => {
          reject(signal.reason as Error);
        });
      });
    const service = await start({ ...definition, store }, testConfig());
    while (store.prepared === 0) await get(service, '/livez');
    expect(await service.stop()).toBe(true);
    expect(store.closed).toBe(1);
  });

  it('closes it when the port is taken', async () => {
    const store = new ScriptedStore();
    const first = await start(definition, testConfig());
    const second = startService({ ...definition, store }, testConfig({ port: first.port }));
    await expect(second).rejects.toMatchObject({ code: 'EADDRINUSE' });
    expect(store.closed).toBe(1);
  });
});

it('tells a route how much of its time is left', async () => {
  const service = await start(
    {
      ...definition,
      routes: (router) => {
        router.get('/left', (ctx) => {
          ctx.body = { left: ctx.state.context.timeLeft().timeoutMs };
        });
      },
    },
    testConfig({ requestTimeoutMs: 1000 }),
  );
  const left = async (headers: Record<string, string> = {}) =>
    ((await (await get(service, '/left', headers)).json()) as { left: number }).left;
  expect(await left()).toBeGreaterThan(800);
  expect(await left()).toBeLessThanOrEqual(980);
  expect(await left({ 'x-request-timeout-ms': '300' })).toBeLessThanOrEqual(280);
});

it('makes a request id where there is none, or none that is safe', async () => {
  const service = await start(definition, testConfig());
  const idFor = async (given: string) =>
    (await get(service, '/thing', { 'x-request-id': given })).headers.get('x-request-id');
  expect(await idFor('abc-1.2:3')).toBe('abc-1.2:3');
  for (const unsafe of ['', 'a b', 'a"b', 'x'.repeat(129)]) {
    expect(await idFor(unsafe)).toMatch(/^[0-9a-f-]{36}$/);
  }
});

it('answers an unknown path and an error of ours as problems, without its cause', async () => {
  const service = await start(definition, testConfig());
  const unknown = await get(service, '/nothing');
  expect(unknown.status).toBe(404);
  expect(await unknown.json()).toMatchObject({ detail: 'there is nothing at /nothing' });
  const broken = await get(service, '/broken');
  expect(broken.status).toBe(500);
  expect(broken.headers.get('content-type')).toBe('application/problem+json');
  expect(await broken.text()).not.toContain('secret');
});

it('refuses a time limit that is no number', async () => {
  const service = await start(definition, testConfig());
  const response = await get(service, '/thing', { 'x-request-timeout-ms': 'soon' });
  expect(response.status).toBe(400);
  expect(await response.json()).toMatchObject({ errors: [{ parameter: 'x-request-timeout-ms' }] });
});
