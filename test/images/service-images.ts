import path from 'node:path';
import { run } from '../cluster/run';
import { docker } from './docker';

const root = path.resolve(__dirname, '../..');

export const services = ['metadata', 'rating', 'movie'] as const;

/** A tag of this run alone, so that it takes away no image of somebody else. */
export const ownTag = (purpose: string) => `0.0.0-${purpose}-${process.pid}`;

const registry = process.env['REGISTRY'] ?? 'localhost/movies';

export const imageName = (service: string, tag: string) => `${registry}/${service}:${tag}`;

/** Builds the three as a user does, with flags besides those of the environment. */
export async function buildImages(tag: string, flags = ''): Promise<void> {
  const buildFlags = `${process.env['DOCKER_BUILD_FLAGS'] ?? ''} ${flags}`;
  const args = ['images', `VERSION=${tag}`, `DOCKER_BUILD_FLAGS=${buildFlags}`];
  await run('make', ['-C', root, ...args], { limitMs: 540_000 });
}

/** Puts them into the cluster as a user does. */
export async function loadImages(tag: string): Promise<void> {
  await run('make', ['-C', root, 'load-images', `VERSION=${tag}`], { limitMs: 240_000 });
}

export async function removeImages(tag: string): Promise<void> {
  // Under both of their names.
  const filters = services.map((service) => `--filter=reference=${imageName(service, tag)}*`);
  const format = '--format={{.Repository}}:{{.Tag}}';
  const names = (await docker(['image', 'ls', format, ...filters])).split('\n').filter(Boolean);
  if (names.length > 0) await docker(['image', 'rm', '--force', ...names]);
}

/** What an image adds to its base image: the one layer with the bundle. */
export async function ownLayerBytes(image: string): Promise<number> {
  const history = await docker(['history', '--human=false', '--format={{json .}}', image]);
  const layers = history.trim().split('\n').map(parseLayer);
  const [own, ...others] = layers.filter(({ CreatedBy }) => CreatedBy.startsWith('COPY /out/'));
  if (own === undefined || others.length > 0) throw new Error(`${image} has not one layer of ours`);
  return Number(own.Size);
}

interface Layer {
  readonly CreatedBy: string;
  readonly Size: string;
}

function parseLayer(line: string): Layer {
  return JSON.parse(line) as Layer;
}
