import { againstAim, median, table } from '../table';
import type { MemoryUse } from './container-group';

export interface ImageOptions {
  readonly starts: number;
  readonly requests: number;
}

export interface Figures {
  readonly name: string;
  readonly idle: MemoryUse;
  readonly loaded: MemoryUse | undefined;
  readonly startMs: readonly number[] | undefined;
  readonly layerBytes: number | undefined;
}

const aims = {
  startMs: 500,
  layerMB: 5,
  idleMiB: { metadata: 75, rating: 75, movie: 100 },
  loadedMiB: { metadata: 100, rating: 100, movie: 130 },
};

const isService = (name: string): name is keyof typeof aims.idleMiB => name in aims.idleMiB;

export function reportFigures(all: readonly Figures[], { starts, requests }: ImageOptions): string {
  const header = [
    'MiB',
    `start ms (${starts})`,
    ...['idle RSS', 'own', '÷ bare', `RSS after ${requests}`, 'own', 'layer MB'],
  ];
  const bare = all.find(({ name }) => name === 'bare Node')?.idle.rssMiB ?? NaN;
  const rows = all.map(({ name, idle, loaded, startMs, layerBytes }) => [
    name,
    startMs === undefined ? '' : median(startMs).toFixed(0),
    idle.rssMiB.toFixed(1),
    idle.anonymousMiB.toFixed(1),
    (idle.rssMiB / bare).toFixed(2),
    loaded?.rssMiB.toFixed(1) ?? '',
    loaded?.anonymousMiB.toFixed(1) ?? '',
    layerBytes === undefined ? '' : (layerBytes / 1e6).toFixed(1),
  ]);
  return [table(header, rows), '', ...all.flatMap(linesOf)].join('\n');
}

function linesOf({ name, idle, loaded, startMs, layerBytes }: Figures): string[] {
  if (!isService(name)) return [];
  return [
    `${name}, start to ready, ms: ${againstAim(median(startMs ?? []), { most: aims.startMs })}`,
    `${name}, RSS idle, MiB: ${againstAim(idle.rssMiB, { most: aims.idleMiB[name] })}`,
    `${name}, RSS after the load, MiB: ${againstAim(loaded?.rssMiB ?? NaN, { most: aims.loadedMiB[name] })}`,
    `${name}, own layer, MB: ${againstAim((layerBytes ?? NaN) / 1e6, { most: aims.layerMB })}`,
  ];
}
