import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { failureOf, instancesOf } from '@movies/discovery';
import { KubernetesRegistry } from '../../packages/discovery/src/kubernetes/kubernetes-registry';
import type { ServiceWatch } from '../../packages/discovery/src/registry';
import { BlackHole, missingForBlackHole } from './black-hole';
import { describeWith } from '../describe-with';
import type { ScriptedState } from './scripted-api-server';

const idleMs = 10_000;

describeWith('an API server whose packets vanish', missingForBlackHole(), () => {
  let hole: BlackHole;
  let server: ChildProcess;
  let registry: KubernetesRegistry;
  let watch: ServiceWatch;

  /** Sets what there is, if anything is named; the server's state. */
  async function tell(...addresses: string[]): Promise<ScriptedState> {
    const answered = once(server, 'message');
    server.send({ addresses });
    return ((await answered) as [ScriptedState])[0];
  }

  /** Resolves when the set has just these, with the milliseconds that took. */
  async function shows(...hosts: string[]): Promise<number> {
    const began = performance.now();
    await when(watch, () => {
      const shown = instancesOf(watch.view).map(({ host }) => host);
      return shown.join() === hosts.join() && failureOf(watch.view) === undefined;
    });
    return performance.now() - began;
  }

  async function start(protocol: 'h2' | 'http/1.1'): Promise<void> {
    const script = path.join(__dirname, 'scripted-api-server.ts');
    server = spawn(
      'ip',
      [
        ...['netns', 'exec', hole.namespace, process.execPath, '-r', 'ts-node/register'],
        ...[script, hole.host, protocol],
      ],
      { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] },
    );
    const { port, ca } = await tell('10.0.0.1');
    registry = new KubernetesRegistry({
      idleMs,
      findAccess: async () => ({
        server: `https://${hole.host}:${port}`,
        namespace: 'default',
        // Its certificate is for localhost, wherever it is.
        credentials: async () => ({ headers: {}, tls: { ca, servername: 'localhost' } }),
      }),
    });
    watch = registry.watch('metadata');
    await shows('10.0.0.1');
    while ((await tell()).watches === 0);
  }

  beforeEach(() => {
    hole = new BlackHole();
  });

  afterEach(async () => {
    hole.release();
    await registry.close();
    const ended = once(server, 'exit');
    server.disconnect();
    await ended;
    hole.close();
  });

  describe.each(['h2', 'http/1.1'] as const)('over %s', (protocol) => {
    it('is found silent within the idle deadline; the set stays, and is right once they pass again', async () => {
      await start(protocol);
      hole.swallow();
      await tell('10.0.0.2');
      const began = performance.now();
      await when(watch, () => failureOf(watch.view) !== undefined);
      const silentMs = performance.now() - began;
      expect(silentMs).toBeLessThan(idleMs + 1000);
      expect([...watch.failures.keys()]).toEqual(['silent']);
      expect(instancesOf(watch.view).map(({ host }) => host)).toEqual(['10.0.0.1']);

      hole.release();
      // At most a connection's limit, and the longest wait while nothing can be reached.
      expect(await shows('10.0.0.2')).toBeLessThan(15_000);
    }, 60_000);

    it('is found silent, and the set is right, while the old connection is still swallowed but another passes', async () => {
      await start(protocol);
      const { clients } = await tell();
      for (const port of clients) hole.swallow(port);
      await tell('10.0.0.3');
      expect(await shows('10.0.0.3')).toBeLessThan(idleMs + 2000);
      expect([...watch.failures.keys()]).toEqual(['silent']);
    }, 60_000);
  });
});

/** Resolves once it is so; the watch tells of each change. */
async function when(watch: ServiceWatch, isSo: () => boolean): Promise<void> {
  let unsubscribe: () => void = () => undefined;
  await new Promise<void>((resolve) => {
    unsubscribe = watch.subscribe(() => {
      if (isSo()) resolve();
    });
  });
  unsubscribe();
}
