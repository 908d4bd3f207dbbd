import { availableParallelism, cpus } from 'node:os';
import { findConsul } from '../test/integration/consul-agent';
import { removeBenchContainers } from './images/container-group';
import { measureImages } from './images/image-figures';
import { killBenchProcesses } from './kubernetes/bench-process';
import { measureKubernetesScale } from './kubernetes/scale';
import { measureLoadingCost } from './loading-cost';
import { measureMovieThroughput } from './movie-throughput';
import { measurePickCost } from './pick-cost';
import { measureProfileShare } from './profile-share';
import { killServerProcesses } from './server-process';
import { measureSimulation } from './simulation';
import { measureState } from './state/state';
import { measureUpdateCost } from './update-cost';

const usage = `npm run bench -- [--quick] [pick] [simulation] [update] [loading] [movie] [profile] [kubernetes] [images] [state]
  pick        what choosing an instance costs
  simulation  shares, latency and load of the balancers, in virtual time
  update      what a change of a large set costs on its way to the pick
  loading     time and memory to load an adapter
  movie       GET /movie against peers with fixed addresses
  profile     where the processor time of movie goes
  kubernetes  what it costs to follow 5,000 endpoints on a real API server: KUBECONFIG
  images      start, memory and size of the images, beside a bare Node and plain Koa: Docker
  state       rating on memory, PGlite and PostgreSQL, and a page of movies
All by default; --quick: fewer and shorter rounds.`;

const parts = {
  pick: () => measurePickCost(),
  simulation: () => measureSimulation(),
  update: () => measureUpdateCost(),
  loading: (quick: boolean) => measureLoadingCost(quick ? 3 : 11),
  movie: (quick: boolean, consul: string | undefined) =>
    measureMovieThroughput({ consul, rounds: quick ? 2 : 5, roundMs: quick ? 1500 : 4000 }),
  profile: (quick: boolean, consul: string | undefined) =>
    measureProfileShare(consul, quick ? 3000 : 10_000),
  kubernetes: (quick: boolean) => measureKubernetesScale({ stretches: quick ? 1 : 6 }),
  images: (quick: boolean) =>
    measureImages({ starts: quick ? 3 : 11, requests: quick ? 3000 : 30_000 }),
  state: (quick: boolean) => measureState({ rounds: quick ? 1 : 5, roundMs: quick ? 1500 : 4000 }),
};

function isPart(name: string): name is keyof typeof parts {
  return name in parts;
}

async function main(): Promise<void> {
  const words = process.argv.slice(2);
  const quick = words.includes('--quick');
  const named = words.filter((word) => word !== '--quick');
  if (!named.every(isPart)) {
    process.stderr.write(`${usage}\n`);
    process.exitCode = 78;
    return;
  }
  const consul = findConsul();
  const model = cpus()[0]?.model ?? 'unknown processor';
  process.stdout.write(`Node ${process.version}, ${availableParallelism()} × ${model}\n`);
  for (const part of named.length > 0 ? named : (Object.keys(parts) as (keyof typeof parts)[])) {
    process.stdout.write(`\n${await parts[part](quick, consul)}\n`);
  }
}

process.on('SIGINT', () => {
  killServerProcesses();
  killBenchProcesses();
  removeBenchContainers();
  process.exit(130);
});
main().catch((error: unknown) => {
  killServerProcesses();
  killBenchProcesses();
  removeBenchContainers();
  process.stderr.write(
    `${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
  );
  process.exit(1);
});
