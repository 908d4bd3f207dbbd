import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { docker, missingDocker } from '../../test/images/docker';
import {
  buildImages,
  imageName,
  ownLayerBytes,
  ownTag,
  removeImages,
} from '../../test/images/service-images';
import { until } from '../../test/until';
import {
  ContainerGroup,
  memoryUse,
  removeBenchContainers,
  startTimes,
  type Program,
} from './container-group';
import { reportFigures, type Figures, type ImageOptions } from './image-report';

const root = path.resolve(__dirname, '../..');
const settleMs = 4000;
const ports = { metadata: 8081, rating: 8082, movie: 8083, koaMetadata: 9081, koaMovie: 9083 };
const fixed = `static:metadata=127.0.0.1:${ports.metadata};rating=127.0.0.1:${ports.rating}`;
const paths = {
  metadata: '/metadata?id=1',
  rating: '/rating?type=movie&id=1',
  movie: '/movie?id=1',
};

interface Subject {
  readonly name: string;
  readonly program: Program;
  /** What answers 200 once it is ready, and what it is sent; a bare Node has neither. */
  readonly urls?: { readonly ready: string; readonly load: string };
}

/** Start, memory and size of the images, beside a bare Node and plain Koa in the same base image. */
export async function measureImages(options: ImageOptions): Promise<string> {
  const missing = missingDocker();
  if (missing !== undefined) return `SKIPPED: the images part needs Docker: ${missing}`;
  const given = process.env['IMAGE_TAG'];
  const tag = given ?? ownTag('bench');
  const folder = mkdtempSync(path.join(tmpdir(), 'movies-images-'));
  try {
    if (given === undefined) await buildImages(tag);
    const koa = path.join(folder, 'program.cjs');
    const peer = ['bench/peers/plain-koa.ts', `--outfile=${koa}`, '--bundle', '--platform=node'];
    execFileSync(path.join(root, 'node_modules/.bin/esbuild'), peer, { cwd: root, stdio: 'pipe' });
    return reportFigures(await measure(await subjectsOf(tag, koa), options), options);
  } finally {
    removeBenchContainers();
    if (given === undefined) await removeImages(tag);
    rmSync(folder, { recursive: true });
  }
}

async function subjectsOf(tag: string, koa: string): Promise<readonly Subject[]> {
  const image = imageName('metadata', tag);
  const own = async (name: 'metadata' | 'rating' | 'movie', registry: string) => ({
    name,
    program: {
      image: imageName(name, tag),
      args: await entrypointArgs(imageName(name, tag)),
      env: { REGISTRY_URL: registry, PORT: String(ports[name]), HOST: '127.0.0.1' },
    },
    urls: { ready: urlOf(ports[name], '/readyz'), load: urlOf(ports[name], paths[name]) },
  });
  const plain = (service: 'metadata' | 'movie', port: number, ready: string): Subject => ({
    name: `plain Koa as ${service}`,
    program: {
      image,
      args: ['/tmp/program.cjs', ...[service, port, ports.metadata, ports.rating].map(String)],
      env: {},
      file: koa,
    },
    urls: { ready: urlOf(port, ready), load: urlOf(port, paths[service]) },
  });
  const idle = { image, args: ['--eval', 'setInterval(() => {}, 1e6)'], env: {} };
  return [
    { name: 'bare Node', program: idle },
    await own('metadata', 'memory:'),
    await own('rating', 'memory:'),
    await own('movie', fixed),
    plain('metadata', ports.koaMetadata, paths.metadata),
    plain('movie', ports.koaMovie, paths.movie),
  ];
}

async function measure(subjects: readonly Subject[], options: ImageOptions): Promise<Figures[]> {
  const figures: Figures[] = [];
  const group = await ContainerGroup.start(subjects[0]?.program.image ?? '');
  const containers = new Map<Subject, string>();
  for (const subject of subjects) {
    containers.set(subject, await group.run(subject.program));
    const { urls } = subject;
    if (urls !== undefined) {
      await until(async () => (await group.ask('GET', urls.ready))?.status === 200, 30_000);
    }
  }
  await delay(settleMs);
  const memoryOf = (subject: Subject) => memoryUse(containers.get(subject) ?? '');
  const idle = new Map<Subject, Awaited<ReturnType<typeof memoryUse>>>();
  for (const subject of subjects) idle.set(subject, await memoryOf(subject));
  await vote(group);
  for (const subject of subjects) {
    const { urls } = subject;
    if (urls !== undefined) {
      await group.script('request-load.cjs', {
        URL: urls.load,
        REQUESTS: String(options.requests),
      });
    }
    figures.push({
      name: subject.name,
      idle: idle.get(subject) ?? (await memoryOf(subject)),
      loaded: urls && (await memoryOf(subject)),
      startMs: await startsOf(subject, options.starts),
      layerBytes: isOwn(subject) ? await ownLayerBytes(subject.program.image) : undefined,
    });
  }
  return figures;
}

/** Two votes, and with them an answer that lacks nothing: else the load would measure something else. */
async function vote(group: ContainerGroup): Promise<void> {
  for (const value of [5, 4]) {
    const query = `/rating?type=movie&id=1&userId=user${value}&value=${value}`;
    const answer = await group.ask('PUT', urlOf(ports.rating, query));
    if (answer?.status !== 204) throw new Error(`a vote was answered ${answer?.status ?? 'not'}`);
  }
  const answer = await group.ask('GET', urlOf(ports.movie, paths.movie));
  const movie = JSON.parse(answer?.body ?? '{}') as { rating?: unknown; degraded?: unknown };
  if (movie.rating !== 4.5 || movie.degraded !== undefined) {
    throw new Error(`movie does not answer in full: ${answer?.body ?? 'not at all'}`);
  }
}

/** A peer without /readyz is ready when it answers, which plain Koa's movie cannot do by itself. */
async function startsOf({ name, program, urls }: Subject, rounds: number) {
  if (urls === undefined || name === 'plain Koa as movie') return undefined;
  return startTimes(program, urls.ready, rounds);
}

function isOwn({ name }: Subject): boolean {
  return name in paths;
}

/** What the image runs Node with. */
async function entrypointArgs(image: string): Promise<readonly string[]> {
  const json = await docker(['image', 'inspect', '--format={{json .Config.Entrypoint}}', image]);
  return (JSON.parse(json) as string[]).slice(1);
}

function urlOf(port: number, pathAndQuery: string): string {
  return `http://127.0.0.1:${port}${pathAndQuery}`;
}
