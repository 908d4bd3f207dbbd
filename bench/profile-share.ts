import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { load } from './load';
import { againstAim, table } from './table';
import { startOwn, stopVariant } from './variant';

/** The parts of a .cpuprofile that are read; times in microseconds. */
interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly url: string };
  }[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

/** Following, picking and setting aside: what fixed addresses would not need. */
const discoveryFiles =
  /\/packages\/(discovery\/|service-client\/src\/(upstream|upstream-set|pick-two|peak-ewma|ejection)\.ts)/;
const warmUpMs = 3000;
const aimPercent = 2;

/** Where the processor time of movie goes, by samples of its CPU profile under load. */
export async function measureProfileShare(
  consul: string | undefined,
  durationMs: number,
): Promise<string> {
  const directory = await mkdtemp(path.join(tmpdir(), 'movies-profile-'));
  try {
    const nodeArgs = ['--cpu-prof', `--cpu-prof-dir=${directory}`];
    const startedAt = performance.now();
    const variant = await startOwn({ name: 'profiled', consul, copies: 2, nodeArgs });
    let loadedFromMs: number;
    try {
      await load({ url: variant.url, connections: 16, durationMs: warmUpMs });
      loadedFromMs = performance.now() - startedAt;
      await load({ url: variant.url, connections: 16, durationMs });
    } finally {
      await stopVariant(variant);
    }
    const [file = ''] = await readdir(directory);
    const text = await readFile(path.join(directory, file), 'utf8');
    return report(sharesOf(JSON.parse(text) as CpuProfile, loadedFromMs * 1000));
  } finally {
    await rm(directory, { recursive: true });
  }
}

/** Self time by part, in percent of the time that was not idle, from `fromUs` after the start on. */
function sharesOf(profile: CpuProfile, fromUs: number): Map<string, number> {
  const frames = new Map(profile.nodes.map(({ id, callFrame }) => [id, callFrame]));
  const byPart = new Map<string, number>();
  let busyUs = 0;
  let elapsedUs = 0;
  for (const [i, id] of profile.samples.entries()) {
    const deltaUs = profile.timeDeltas[i] ?? 0;
    elapsedUs += deltaUs;
    const frame = frames.get(id);
    if (frame === undefined || elapsedUs < fromUs || frame.functionName === '(idle)') continue;
    const part = partOf(frame);
    byPart.set(part, (byPart.get(part) ?? 0) + deltaUs);
    busyUs += deltaUs;
  }
  return new Map([...byPart].map(([part, us]) => [part, (us / busyUs) * 100]));
}

function partOf({ functionName, url }: CpuProfile['nodes'][number]['callFrame']): string {
  if (functionName === '(garbage collector)') return 'garbage collection';
  if (discoveryFiles.test(url)) return 'discovery and pick';
  const dependency = /\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(url)?.[1];
  if (dependency !== undefined) return dependency;
  const own = /\/(packages|services)\/([^/]+)\//.exec(url)?.[2];
  if (own !== undefined) return own;
  return url.startsWith('node:') ? 'node, in JavaScript' : 'node, native: sockets, files, timers';
}

function report(shares: ReadonlyMap<string, number>): string {
  const rows = [...shares]
    .filter(([, percent]) => percent >= 0.3)
    .sort(([, a], [, b]) => b - a)
    .map(([part, percent]) => [part, percent.toFixed(1)]);
  const discovery = shares.get('discovery and pick') ?? 0;
  return [
    table(['movie, by CPU profile', '%'], rows),
    '',
    `discovery and pick, % of samples: ${againstAim(discovery, { most: aimPercent })}`,
  ].join('\n');
}
