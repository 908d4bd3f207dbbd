import { DiscoveryError } from '@movies/discovery';
import { StaticRegistry } from '@movies/discovery/static';
import { ManualClock } from '@movies/time/testing';
import { LeastRequest } from '../balancer/least-request';
import { MeshScene } from '../testing/mesh-scene';
import { hang } from '../testing/origin';
import { PublishedRegistry } from '../testing/published-registry';
import { Mesh, type MeshOptions } from './mesh';

const get = { method: 'GET', path: '/' } as const;

describe('a mesh', () => {
  test('opens the registry of a URL, and closes it', async () => {
    const mesh = new Mesh('static:rating=127.0.0.1:8082');
    const watch = mesh.registry.watch('rating');
    expect((await watch.synced()).instances).toMatchObject([{ host: '127.0.0.1', port: 8082 }]);
    await mesh.close();
    expect(watch.view.state).toBe('closed');
  });

  test('leaves a registry open that it was given', async () => {
    await using registry = new StaticRegistry({});
    await new Mesh(registry).close();
    await registry.watch('rating').synced();
  });

  test.each([
    ['', 'it begins with none of memory:, static:'],
    ['consul:', 'expected consul://host:port'],
    ['kubernetes:?nonsense=1', "'nonsense'"],
  ])('refuses the URL %j when it is made', (url, message) => {
    const make = () => new Mesh(url);
    expect(make).toThrow(DiscoveryError);
    expect(make).toThrow(
      expect.objectContaining({
        code: 'invalid_registry_url',
        message: expect.stringContaining(message) as string,
      }) as Error,
    );
  });

  test.each<[string, MeshOptions]>([
    ["there is no option 'deadlineMS'", { ['deadlineMS' as 'deadlineMs']: 1 }],
    ["'maxAttempts' is a whole number", { maxAttempts: 0 }],
    ["'maxAttempts' is a whole number", { services: { rating: { maxAttempts: 0 } } }],
    ["'balancer' is a function", { balancer: new LeastRequest() as never }],
    ["'rating:grpc' names a port", { services: { 'rating:grpc': {} } }],
  ])('refuses options when it is made: %s', (message, options) => {
    expect(() => new Mesh(new StaticRegistry({}), options)).toThrow(message);
  });

  test.each([undefined, null, {}, 7])('refuses %p as a registry', (registry) => {
    expect(() => new Mesh(registry as never)).toThrow(
      "'registry' is a Registry, or the URL of one",
    );
  });

  test('watches nothing before the first request', async () => {
    await using registry = new StaticRegistry({});
    const watch = jest.spyOn(registry, 'watch');
    await using mesh = new Mesh(registry);
    expect(watch).not.toHaveBeenCalled();
    expect(mesh.explain('rating')).toMatchObject({ service: 'rating', hosts: [] });
    expect(watch).toHaveBeenCalledTimes(1);
  });

  test('closes twice, and frees everything', async () => {
    await using scene = await MeshScene.open(['a']);
    await scene.mesh.fetch('http://rating/');
    await scene.mesh.service('rating').request(get);
    await Promise.all([scene.mesh.close(), scene.mesh.close()]);
    await scene.mesh[Symbol.asyncDispose]();
    await scene.origin('a').deserted();
    expect(scene.clock.pending).toBe(0);
  });

  test('lets requests finish when it closes, for so long', async () => {
    await using scene = await MeshScene.open(['a', 'b']);
    const ends: (() => void)[] = [];
    scene.origin('a').behaviour = (_request, response) => {
      response.write('first');
      ends.push(() => response.end('last'));
    };
    scene.origin('b').behaviour = hang;
    const response = await scene.mesh.fetch('http://rating/');
    const port = scene.instances[1]?.port ?? 0;
    const direct = scene.mesh.fetch(`http://127.0.0.1:${port}/`).catch(() => 'broken');
    await scene.origin('b').asked(1);
    const closed = scene.mesh.close(100);
    ends[0]?.();
    expect(await response.text()).toBe('firstlast');
    await scene.clock.advance(100);
    await closed;
    expect(await direct).toBe('broken');
  });
});

describe('the client of a service', () => {
  test('is one for each target and options, until it is closed', async () => {
    await using scene = await MeshScene.open(['a']);
    const client = scene.mesh.service('rating', { retryBudget: { perSecond: 1 } });
    expect(scene.mesh.service('rating', { retryBudget: { perSecond: 1 } })).toBe(client);
    expect(scene.mesh.service('rating')).not.toBe(client);
    expect((await client.request(get)).status).toBe(200);
    await client.close();
    const next = scene.mesh.service('rating', { retryBudget: { perSecond: 1 } });
    expect((await next.request(get)).status).toBe(200);
  });

  test('has the options of the mesh, those of its service, and its own, the last first', async () => {
    const deadlines = async (options: MeshOptions, own: MeshOptions = {}) => {
      await using scene = await MeshScene.open(['a'], options);
      await scene.mesh.service('rating', own).request(get);
      await scene.mesh.fetch('http://rating/');
      return scene.origin('a').header('x-request-timeout-ms');
    };
    const services = { rating: { deadlineMs: 200 } };
    expect(await deadlines({ deadlineMs: 100 })).toEqual(['100', '100']);
    expect(await deadlines({ deadlineMs: 100, services })).toEqual(['200', '200']);
    expect(await deadlines({ services }, { deadlineMs: 300 })).toEqual(['300', '200']);
  });

  test('has a balancer of its own', async () => {
    const balancer = jest.fn(() => new LeastRequest());
    await using scene = await MeshScene.open(['a'], { balancer });
    balancer.mockClear();
    scene.mesh.service('rating');
    scene.mesh.service('metadata');
    await scene.mesh.fetch('http://rating/');
    expect(balancer).toHaveBeenCalledTimes(3);
  });

  test('closes with the mesh, also one that is asked for later', async () => {
    await using scene = await MeshScene.open(['a']);
    const client = scene.mesh.service('rating');
    await scene.mesh.close();
    for (const each of [client, scene.mesh.service('metadata')]) {
      await expect(each.request(get)).rejects.toMatchObject({ code: 'upstream_unavailable' });
    }
  });
});

describe('an explanation', () => {
  test('is of what fetch calls', async () => {
    await using scene = await MeshScene.open(['a']);
    scene.mesh.explain('rating');
    await scene.mesh.fetch('http://rating/');
    const explained = scene.mesh.explain('rating');
    expect(explained).toMatchObject({
      service: 'rating',
      view: 'known',
      hosts: [{ health: 'in' }],
    });
  });

  test.each(['example.com', 'http://localhost', 'rating.shop.svc', ''])(
    'of %j is refused: it is no service',
    async (name) => {
      await using scene = await MeshScene.open(['a']);
      expect(() => scene.mesh.explain(name)).toThrow(`'${name}' is no service`);
    },
  );
});

describe('a service that URLs name', () => {
  /** A mesh whose watches are counted. */
  function open() {
    const clock = new ManualClock();
    const registry = new StaticRegistry({});
    const open = new Set<string>();
    const watch = registry.watch.bind(registry);
    jest.spyOn(registry, 'watch').mockImplementation((target, options) => {
      open.add(target);
      const opened = watch(target, options);
      opened.subscribe(({ state }) => {
        if (state === 'closed') open.delete(target);
      });
      return opened;
    });
    const mesh = new Mesh(registry, { clock });
    return { clock, registry, open, mesh };
  }

  test('is watched until it was not called for a minute', async () => {
    const { clock, registry, open: watched, mesh } = open();
    const call = (name: string) => mesh.fetch(`http://${name}/`).catch(() => undefined);
    await Promise.all([call('a'), call('b')]);
    await clock.advance(40_000);
    await call('b');
    await clock.advance(20_000);
    expect([...watched]).toEqual(['b']);
    await clock.advance(40_000);
    expect([[...watched], clock.pending]).toEqual([[], 0]);
    await call('a');
    expect([...watched]).toEqual(['a']);
    await mesh.close();
    await registry.close();
  });

  test('is watched as long as a body comes from it', async () => {
    await using scene = await MeshScene.open(['a']);
    const ends: (() => void)[] = [];
    scene.origin('a').behaviour = (_request, response) => {
      response.write('first');
      ends.push(() => response.end('last'));
    };
    const response = await scene.mesh.fetch('http://rating/');
    await scene.clock.advance(150_000);
    ends[0]?.();
    expect(await response.text()).toBe('firstlast');
    expect(scene.clock.pending).toBe(1);
    await scene.clock.advance(120_000);
    expect(scene.clock.pending).toBe(0);
  });

  test('is one of 256 at most', async () => {
    const { registry, open: watched, mesh } = open();
    for (let i = 0; i < 300; i++) await mesh.fetch(`http://name-${i}/`).catch(() => undefined);
    expect(watched.size).toBe(256);
    expect(watched.has('name-0')).toBe(false);
    await mesh.close();
    expect(watched.size).toBe(0);
    await registry.close();
  });

  test.each([
    ['http://rating.shop.svc/', 'rating.shop'],
    ['http://rating.shop.svc.cluster.local/', 'rating.shop'],
    ['http://rating:8080/', 'rating:8080'],
    ['http://rating.shop.svc:8080/', 'rating.shop:8080'],
  ])('as %s is the target %s where the registry can have it', async (url, target) => {
    await using registry = new PublishedRegistry();
    registry.publish([]);
    const watch = jest.spyOn(registry, 'watch');
    await using mesh = new Mesh(registry);
    await mesh.fetch(url).catch(() => undefined);
    expect(watch.mock.calls.map(([asked]) => asked)).toEqual([target]);
  });

  test('and whose target is refused leaves no watch', async () => {
    const { registry, open: watched, mesh } = open();
    await mesh.fetch('http://rating:8080/').catch(() => undefined);
    expect([...watched]).toEqual(['rating']);
    await mesh.close();
    await registry.close();
  });
});
