import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { findPostgres, PostgresServer } from '../../test/integration/postgres-server';
import { load, type LoadResult } from '../load';
import { median, table } from '../table';
import { measureMovieList } from './movie-list';
import { measureOneRead } from './one-read';
import { RatingProcess } from './rating-process';

const connections = 16;
/** Until the compiler of the service has seen enough. */
const warmUpMs = 6000;
const records = 1000;
const users = 10_000;

export interface StateOptions {
  readonly rounds: number;
  readonly roundMs: number;
}

interface Round {
  readonly reads: LoadResult;
  readonly votes: LoadResult;
  /** Of the service, for 1,000 requests. */
  readonly readCpuSeconds: number;
  readonly voteCpuSeconds: number;
  /** Of the time that a request takes when nothing else is under way, that of its queries; 0 to 1. */
  readonly readSqlShare: number;
  readonly voteSqlShare: number;
}

/** `GET` and `PUT /rating` on each kind of database in turn, what one read costs, and a page of movies. */
export async function measureState({ rounds, roundMs }: StateOptions): Promise<string> {
  const programs = findPostgres();
  const server = programs === undefined ? undefined : await PostgresServer.start(programs);
  const folder = mkdtempSync(path.join(tmpdir(), 'movies-bench-state-'));
  const running: RatingProcess[] = [];
  try {
    const urls = [
      ['memory', 'memory:'],
      ['PGlite', `file:${folder}`],
      ...(server === undefined ? [] : [['PostgreSQL', server.createDatabase()]]),
    ] as const;
    for (const [name = '', url = ''] of urls) running.push(await RatingProcess.start(name, url));
    const results = new Map<string, Round[]>(running.map(({ name }) => [name, []]));
    for (const service of running) await warmUp(service);
    for (let round = 0; round < rounds; round += 1) {
      for (const service of running)
        results.get(service.name)?.push(await measure(service, roundMs));
    }
    await Promise.all(running.splice(0).map((service) => service.stop()));
    return [
      report(results),
      server === undefined
        ? 'No PostgreSQL was found (POSTGRES_BIN): nothing was measured on it.'
        : await measureOneRead(server.createDatabase(), roundMs * rounds),
      await measureMovieList(server?.createDatabase() ?? 'memory:', { rounds, roundMs }),
    ].join('\n\n');
  } finally {
    await Promise.all(running.map((service) => service.stop()));
    await server?.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

const readPath = (number: number) => `/rating?type=movie&id=${number % records}`;
const votePath = (number: number) => {
  // Without a factor in common: in the end each user has voted for each record.
  const user = (number * 7919) % users;
  return `/rating?type=movie&id=${number % records}&userId=${user}&value=${1 + (number % 5)}`;
};

async function warmUp({ url }: RatingProcess): Promise<void> {
  for (let record = 0; record < records; record += 1) {
    await fetch(url + votePath(record), { method: 'PUT' });
  }
  await load({ url, connections, durationMs: warmUpMs / 2, pathOf: readPath });
  await load({ url, connections, durationMs: warmUpMs / 2, pathOf: votePath, method: 'PUT' });
}

async function measure(service: RatingProcess, durationMs: number): Promise<Round> {
  const { url } = service;
  const read = { url, durationMs, pathOf: readPath } as const;
  const vote = { url, durationMs, pathOf: votePath, method: 'PUT' } as const;
  const counted = async (options: typeof read | typeof vote) => {
    const before = service.cpuSeconds();
    const result = await load({ ...options, connections });
    return { result, cpu: ((service.cpuSeconds() - before) / result.requests) * 1000 };
  };
  const alone = async (options: typeof read | typeof vote) => {
    const before = await service.timeSpent();
    await load({ ...options, connections: 1, durationMs: durationMs / 4 });
    const after = await service.timeSpent();
    return (
      (after.querySeconds - before.querySeconds) / (after.requestSeconds - before.requestSeconds)
    );
  };
  const reads = await counted(read);
  const votes = await counted(vote);
  return {
    reads: reads.result,
    votes: votes.result,
    readCpuSeconds: reads.cpu,
    voteCpuSeconds: votes.cpu,
    readSqlShare: await alone(read),
    voteSqlShare: await alone(vote),
  };
}

function report(results: ReadonlyMap<string, readonly Round[]>): string {
  const rows = [...results].flatMap(([name, rounds]) => {
    const of = (figure: (round: Round) => number) => median(rounds.map(figure));
    const row = (kind: 'reads' | 'votes', cpu: number, share: number) => [
      `${name}, ${kind === 'reads' ? 'GET' : 'PUT'}`,
      of((round) => round[kind].perSecond).toFixed(0),
      of((round) => round[kind].p50Ms).toFixed(1),
      of((round) => round[kind].p99Ms).toFixed(1),
      cpu.toFixed(3),
      `${(share * 100).toFixed(0)} %`,
    ];
    return [
      row(
        'reads',
        of((round) => round.readCpuSeconds),
        of((round) => round.readSqlShare),
      ),
      row(
        'votes',
        of((round) => round.voteCpuSeconds),
        of((round) => round.voteSqlShare),
      ),
    ];
  });
  return table(['/rating', 'req/s', 'p50 ms', 'p99 ms', 'CPU s/1000', 'in SQL'], rows);
}
