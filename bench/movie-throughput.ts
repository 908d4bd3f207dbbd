import { load, type LoadResult } from './load';
import { cpuSecondsOf } from './server-process';
import { againstAim, median, table } from './table';
import { startOwn, startPeer, stopVariant, type Variant } from './variant';

const connections = 16;
/** Until the compiler of every process has seen enough: after 4 s a request still costs twice as much. */
const warmUpMs = 12_000;

export interface MovieThroughputOptions {
  /** The Consul binary; without one our services run on fixed addresses only. */
  readonly consul: string | undefined;
  readonly rounds: number;
  readonly roundMs: number;
}

interface Round extends LoadResult {
  /** Of all servers of the variant, for 1,000 requests. */
  readonly cpuSeconds: number;
  /** Of Consul, for 1,000 requests. */
  readonly consulCpuSeconds: number;
}

/** `GET /movie` in every variant, round after round in turn, so that all see the same machine. */
export async function measureMovieThroughput(options: MovieThroughputOptions): Promise<string> {
  const variants: Variant[] = [];
  try {
    for (const start of startsOf(options.consul)) variants.push(await start());
    const rounds = new Map<string, Round[]>(variants.map(({ name }) => [name, []]));
    for (const { url } of variants) await load({ url, connections, durationMs: warmUpMs });
    for (let round = 0; round < options.rounds; round += 1) {
      for (const variant of variants) {
        rounds.get(variant.name)?.push(await measure(variant, options.roundMs));
      }
    }
    return report(rounds);
  } finally {
    await Promise.all(variants.map(stopVariant));
  }
}

function startsOf(consul: string | undefined): (() => Promise<Variant>)[] {
  return [
    () => startPeer('bare node:http', 'bench/peers/bare-http.ts'),
    () => startPeer('plain Koa', 'bench/peers/plain-koa.ts'),
    () => startOwn({ name: 'ours, fixed addresses', consul: undefined, copies: 1 }),
    ...(consul === undefined
      ? []
      : [
          () => startOwn({ name: 'ours, Consul', consul, copies: 1 }),
          () => startOwn({ name: 'ours, Consul, 2 + 2', consul, copies: 2 }),
        ]),
  ];
}

async function measure({ url, servers, agent }: Variant, durationMs: number): Promise<Round> {
  const used = () => servers.reduce((sum, server) => sum + server.cpuSeconds(), 0);
  const usedByConsul = () => (agent?.pid === undefined ? 0 : cpuSecondsOf(agent.pid));
  const [before, consulBefore] = [used(), usedByConsul()];
  const result = await load({ url, connections, durationMs });
  const per1000 = (seconds: number) => (seconds / result.requests) * 1000;
  return {
    ...result,
    cpuSeconds: per1000(used() - before),
    consulCpuSeconds: per1000(usedByConsul() - consulBefore),
  };
}

function report(rounds: ReadonlyMap<string, readonly Round[]>): string {
  const of = (name: string, figure: keyof Round) =>
    median(rounds.get(name)?.map((round) => round[figure]) ?? []);
  /** Round by round, so that a slow moment of the machine counts for both. */
  const ratio = (name: string, peer: string) => {
    const peers = rounds.get(peer) ?? [];
    return median(
      (rounds.get(name) ?? []).map(({ perSecond }, i) => perSecond / (peers[i]?.perSecond ?? NaN)),
    );
  };
  const rows = [...rounds.keys()].map((name) => [
    name,
    of(name, 'perSecond').toFixed(0),
    ratio(name, 'plain Koa').toFixed(2),
    ratio(name, 'bare node:http').toFixed(2),
    of(name, 'p50Ms').toFixed(1),
    of(name, 'p99Ms').toFixed(1),
    of(name, 'cpuSeconds').toFixed(3),
    of(name, 'consulCpuSeconds').toFixed(3),
  ]);
  const header = [
    'GET /movie',
    'req/s',
    '÷ Koa',
    '÷ http',
    'p50 ms',
    'p99 ms',
    'CPU s/1000',
    'Consul',
  ];
  const ours = rounds.has('ours, Consul') ? 'ours, Consul' : 'ours, fixed addresses';
  return [
    table(header, rows),
    '',
    `throughput of '${ours}' ÷ plain Koa: ${againstAim(ratio(ours, 'plain Koa'), { least: 0.75 })}`,
    `CPU seconds for 1,000 requests: ${againstAim(of(ours, 'cpuSeconds'), { most: 0.45 })}`,
    ...(ours === 'ours, Consul'
      ? [
          `Consul ÷ fixed addresses, round by round: ${ratio(ours, 'ours, fixed addresses').toFixed(3)}`,
        ]
      : ['No Consul was found (CONSUL_BIN, or consul on the PATH): discovery was not measured.']),
  ].join('\n');
}
