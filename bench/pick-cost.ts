import { createInstance } from '@movies/discovery';
import type { HostSet } from '../packages/service-client/src/host-set';
import { openHostSet } from './host-set';
import { median, table } from './table';

const sizes = [10, 100, 1000];
const picksPerRound = 500_000;
const rounds = 9;
const aimNs = 200;

/** What choosing an instance costs, and whether that grows with their number. */
export async function measurePickCost(): Promise<string> {
  const rows: string[][] = [];
  for (const size of sizes) {
    const ns = await nanosecondsPerPick(size);
    rows.push([String(size), ns.toFixed(0), ns <= aimNs ? 'met' : 'MISSED']);
  }
  return table(['instances', 'ns a pick', `aim ≤ ${aimNs}`], rows);
}

async function nanosecondsPerPick(size: number): Promise<number> {
  const set = openHostSet();
  set.update(
    Array.from({ length: size }, (_, i) =>
      createInstance({ id: `i${i}`, service: 'bench', host: '127.0.0.1', port: 1 + i }),
    ),
  );
  warmUp(set, size);
  const perPick = Array.from({ length: rounds }, () => {
    const startedAt = process.hrtime.bigint();
    for (let i = 0; i < picksPerRound; i += 1) set.pick([]);
    return Number(process.hrtime.bigint() - startedAt) / picksPerRound;
  });
  await set.close(0);
  return median(perPick);
}

/** Gives every instance a latency to be compared by. */
function warmUp(set: HostSet, size: number): void {
  for (let i = 0; i < size * 20; i += 1) {
    const host = set.pick([]);
    if (host === undefined) return;
    set.begin(host);
    set.finish(host, { outcome: 'ok', durationMs: 5 + 5 * Math.random(), pauseMs: 0, what: '' });
  }
}
