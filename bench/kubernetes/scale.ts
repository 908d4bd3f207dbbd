import { setTimeout as delay } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import type { EndpointSlice } from '../../packages/discovery/src/kubernetes/endpoints/endpoint-slice';
import { ApiServer, slicesPath } from './api-server';
import { BenchProcess } from './bench-process';
import { endpointLines } from './endpoint-lines';
import { reportScale, type WatcherResult } from './scale-report';
import type { LoopLag, Stamps, Usage } from './watch-gauge';
import type { HeapUse } from './watch-ours';

export interface ScaleOptions {
  /** Stretches of ten seconds, one after the other; CPU is compared stretch by stretch. */
  readonly stretches: number;
}

const stretchMs = 10_000;
/** Until the compiler has seen enough. */
const warmUpMs = 15_000;
const settleMs = 2000;

/**
 * 5,000 endpoints in 50 slices on the real API server, 50 slice updates a second with 20 changes each: what it costs
 * to follow them, for the adapter with a client on it, a bare reader of the same stream, and client-node's
 * informer. All three watch at the same time, each in a process of its own.
 */
export async function measureKubernetesScale({ stretches }: ScaleOptions): Promise<string> {
  if ((process.env['KUBECONFIG'] ?? '') === '') {
    return 'SKIPPED: the Kubernetes part needs a cluster. Set KUBECONFIG; it makes a namespace there, and removes it.';
  }
  const server = await ApiServer.connect({ allowH2: false });
  const made = (await server.send('POST', '/api/v1/namespaces', {
    metadata: { generateName: 'movies-bench-' },
  })) as { metadata: { name: string } };
  const namespace = made.metadata.name;
  const start = (script: string) => new BenchProcess(`bench/kubernetes/${script}.ts`, [namespace]);
  const writer = start('writer');
  const bare = start('watch-bare');
  const ours = start('watch-ours');
  const informer = start('watch-informer');
  const watchers = [bare, ours, informer];
  try {
    await writer.ask('create');
    await Promise.all([bare, informer].map((each) => each.ask('start')));
    const heap = await ours.ask<HeapUse>('start');
    await writer.ask('start');
    await delay(warmUpMs);
    await Promise.all([writer, ...watchers].map((each) => each.ask('begin')));
    const usages = [await usagesOf(watchers)];
    for (let i = 0; i < stretches; i += 1) {
      await delay(stretchMs);
      usages.push(await usagesOf(watchers));
    }
    const lags = await Promise.all(watchers.map((each) => each.ask<LoopLag>('lag')));
    await writer.ask('stop');
    await delay(settleMs);
    const list = (await server.send('GET', slicesPath(namespace))) as { items: EndpointSlice[] };
    const expected = endpointLines(list.items);
    const resultOf = async (name: string, watcher: BenchProcess): Promise<WatcherResult> => {
      const at = watchers.indexOf(watcher);
      const set = await watcher.ask<readonly string[] | undefined>('set');
      return {
        name,
        cpuPercent: percentages(usages.map((all) => all[at])),
        lag: lags[at] ?? { p99Ms: NaN, maxMs: NaN },
        stamps: await watcher.ask<Stamps>('stamps'),
        isEqual: set && isDeepStrictEqual(set, expected),
      };
    };
    return reportScale({
      endpoints: expected.length,
      seconds: (stretches * stretchMs) / 1000,
      written: await writer.ask<Stamps>('stamps'),
      heap,
      bare: await resultOf('bare read and parse', bare),
      ours: await resultOf('ours, with a client', ours),
      informer: await resultOf("client-node's informer", informer),
    });
  } finally {
    await Promise.all([writer, ...watchers].map((each) => each.stop()));
    await removeNamespace(server, namespace);
    await server.close();
  }
}

async function removeNamespace(server: ApiServer, namespace: string): Promise<void> {
  try {
    await server.send('DELETE', `/api/v1/namespaces/${namespace}`);
  } catch (error: unknown) {
    // It must not hide why the measurement failed: often for the same reason.
    process.stderr.write(`The namespace ${namespace} is left behind: ${String(error)}\n`);
  }
}

function usagesOf(watchers: readonly BenchProcess[]): Promise<readonly Usage[]> {
  return Promise.all(watchers.map((each) => each.ask<Usage>('usage')));
}

function percentages(usages: readonly (Usage | undefined)[]): number[] {
  return usages.slice(1).map((after, i) => {
    const before = usages[i];
    if (after === undefined || before === undefined) return NaN;
    return ((after.cpuMs - before.cpuMs) / (after.atMs - before.atMs)) * 100;
  });
}
