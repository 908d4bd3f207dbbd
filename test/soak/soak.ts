import { failureOf, instancesOf } from '@movies/discovery';
import { KubernetesRegistry } from '@movies/discovery/kubernetes';
import type { KubeAccess } from '../../packages/discovery/src/kubernetes/access/kube-access';
import { setTimeout as sleep } from 'node:timers/promises';
import { accountThatMay, endpointSlice } from '../cluster/manifests';
import { apiServerUrl } from '../cluster/proxied-registry';
import { TcpProxy } from '../cluster/tcp-proxy';
import { TestNamespace } from '../cluster/test-namespace';
import { until } from '../until';
import { AccountFolder } from './account-folder';

const minuteMs = 60_000;
/** A watch is back 5 s after its server at the latest, and hears of a change in no time. */
const healsMs = 6000;
/** What is loaded and compiled late is there by then. */
const warmUpMinutes = 5;
const maxGrowthMb = 8;
const service = 'metadata';

/**
 * Follows a Service of a real cluster for hours, as a pod does: with a token that lives 10 minutes and is exchanged
 * before its end. Each minute the connection breaks and the set changes. Prints a line a minute; rejects at the
 * first thing that is not as it should be.
 */
async function soak(minutes: number, signal: AbortSignal): Promise<void> {
  /** What is to be done at the end, the last first. */
  const ends: (() => Promise<void>)[] = [];
  try {
    const namespace = await TestNamespace.create();
    ends.push(() => namespace.remove());
    await namespace.apply(...accountThatMay('soak', ['list', 'watch']));
    const folder = await AccountFolder.create(namespace, 'soak');
    ends.push(() => folder.remove());
    const proxy = await TcpProxy.before(await apiServerUrl());
    ends.push(() => proxy.cut());
    const registry = new KubernetesRegistry({ findAccess: () => folder.access(proxy.url) });
    ends.push(() => registry.close());
    await follow({ registry, namespace, proxy, folder, minutes, signal });
  } finally {
    for (const end of ends.reverse()) await end().catch(reportFailure);
  }
}

interface Followed {
  readonly registry: KubernetesRegistry;
  readonly namespace: TestNamespace;
  readonly proxy: TcpProxy;
  readonly folder: AccountFolder;
  readonly minutes: number;
  readonly signal: AbortSignal;
}

async function follow({
  registry,
  namespace,
  proxy,
  folder,
  minutes,
  signal,
}: Followed): Promise<void> {
  const watch = registry.watch(service);
  const startedAt = performance.now();
  let refusedToken = false;
  let usedMb = Infinity;

  for (let minute = 1; minute <= minutes; minute += 1) {
    await folder.exchangeIfDue();
    const hosts = Array.from({ length: 1 + (minute % 50) }, (_, i) => `10.0.0.${i + 1}`);
    await proxy.cut();
    await namespace.apply(endpointSlice(service, hosts));
    await proxy.mend();
    await until(
      () => failureOf(watch.view) === undefined && instancesOf(watch.view).length === hosts.length,
      healsMs,
    ).catch((cause: unknown) => {
      throw new Error(
        `the watch did not heal: ${failureOf(watch.view)?.message ?? 'another set'}`,
        {
          cause,
        },
      );
    });
    if (watch.failures.has('http_401'))
      throw new Error('a token was refused: it was not read anew');
    if (!refusedToken && folder.isFirstTokenOver(startedAt)) {
      await expectRefusal(() => folder.access(proxy.url, folder.firstToken));
      refusedToken = true;
    }
    const mb = heapMb();
    if (minute <= warmUpMinutes) usedMb = mb;
    else if (mb > usedMb + maxGrowthMb) throw new Error(`the heap grew from ${usedMb} to ${mb} MB`);
    console.log(
      `${minute}/${minutes} min: ${hosts.length} instances, heap ${mb} MB, ` +
        `${folder.exchanges} tokens exchanged${refusedToken ? ', the first is refused' : ''}, ` +
        `failures ${JSON.stringify(Object.fromEntries(watch.failures))}`,
    );
    const untilNext = startedAt + minute * minuteMs - performance.now();
    if (minute < minutes) await sleep(Math.max(0, untilNext), undefined, { signal });
  }
}

/** Shows that a token that is not exchanged does not do. */
async function expectRefusal(findAccess: () => Promise<KubeAccess>): Promise<void> {
  const registry = new KubernetesRegistry({ findAccess });
  try {
    const watch = registry.watch(service);
    await until(() => watch.failures.has('http_401'), healsMs);
  } finally {
    await registry.close();
  }
}

/** What is in use, in MB: garbage does not count. */
function heapMb(): number {
  globalThis.gc?.();
  return Math.round((process.memoryUsage().heapUsed / 1024 / 1024) * 10) / 10;
}

function reportFailure(error: unknown): void {
  console.error(error);
  process.exitCode = 1;
}

async function main(): Promise<void> {
  const hours = Number(process.env['SOAK_HOURS'] ?? 2);
  if (!(hours > 0)) throw new Error('SOAK_HOURS is a number of hours');
  if ((process.env['KUBECONFIG'] ?? '') === '') throw new Error('no cluster; set KUBECONFIG');
  const stop = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const)
    process.once(name, () => {
      stop.abort();
    });
  await soak(Math.ceil(hours * 60), stop.signal);
  console.log('soaked: nothing was lost');
}

main().catch(reportFailure);
