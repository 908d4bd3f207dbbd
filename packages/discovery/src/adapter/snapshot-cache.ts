import { mkdirSync, readFileSync } from 'node:fs';
import { rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Clock } from '@movies/time';
import { DiscoveryError } from '../discovery-error';
import { createInstance, type Instance, type InstanceFields } from '../instance';
import type { SnapshotStore } from './snapshot-store';

/** A healthy registry answers sooner; until then its first word is worth waiting for. */
const patienceMs = 1000;
/** Changes come in groups, and a disk is slow. */
const batchMs = 1000;

interface StoredSet {
  readonly service: string;
  readonly confirmedAt: number;
  readonly instances: readonly InstanceFields[];
}

/**
 * The last good set of each target in a folder, a file each. A set is read when its target begins to be followed, and
 * told with the first failure of the registry, or when it has not answered within a second. A folder that cannot be
 * written is a process warning, once.
 */
export class SnapshotCache {
  readonly #folder: string;
  readonly #clock: Clock;
  readonly #writing = new Map<string, Promise<void>>();
  #hasWarned = false;

  constructor(folder: string, clock: Clock) {
    this.#folder = folder;
    this.#clock = clock;
  }

  /** Restores what is stored of the target of `store`, and stores what it hears, until the function that is returned. */
  keep(store: SnapshotStore): () => void {
    const file = path.join(this.#folder, `${encodeURIComponent(store.service)}.json`);
    const stored = this.#read(file, store.service);
    let saved: readonly Instance[] | undefined;
    let cancelWrite: (() => void) | undefined;
    const save = () => {
      cancelWrite = undefined;
      const { view } = store;
      if (view.state !== 'known' || view.isFromCache || view.instances === saved) return;
      saved = view.instances;
      const { service, confirmedAt, instances } = view;
      this.#write(file, { service, confirmedAt, instances });
    };
    const restore = () => {
      cancelPatience();
      if (stored !== undefined)
        store.restore(stored.instances.map(createInstance), stored.confirmedAt);
    };
    const cancelPatience =
      stored === undefined ? () => undefined : this.#clock.schedule(patienceMs, restore);
    const unsubscribe = store.subscribe((view) => {
      if (view.state === 'unknown') {
        if (view.failure !== undefined) restore();
      } else {
        cancelPatience();
        cancelWrite ??= this.#clock.schedule(batchMs, save);
      }
    });
    return () => {
      unsubscribe();
      cancelPatience();
      cancelWrite?.();
      save();
    };
  }

  /** Resolves when everything is written. */
  async close(): Promise<void> {
    await Promise.all(this.#writing.values());
  }

  #read(file: string, service: string): StoredSet | undefined {
    try {
      const stored = JSON.parse(readFileSync(file, 'utf8')) as StoredSet;
      stored.instances.forEach(createInstance);
      return stored.service === service && Number.isFinite(stored.confirmedAt) ? stored : undefined;
    } catch (error: unknown) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') this.#warn('read', file, error);
      return undefined;
    }
  }

  /** A write at a time per file, each whole: a reader never sees half of one. */
  #write(file: string, set: StoredSet): void {
    const before = this.#writing.get(file) ?? Promise.resolve();
    const writing = before.then(async () => {
      const part = `${file}.${process.pid}`;
      try {
        await writeFile(part, JSON.stringify(set));
        await rename(part, file);
      } catch (error: unknown) {
        this.#warn('write', file, error);
        await rm(part, { force: true }).catch(() => undefined);
      }
    });
    this.#writing.set(file, writing);
  }

  #warn(doing: string, file: string, error: unknown): void {
    if (this.#hasWarned) return;
    this.#hasWarned = true;
    const message = error instanceof Error ? error.message : String(error);
    process.emitWarning(`the snapshot cache cannot ${doing} ${file}: ${message}`, {
      code: 'DISCOVERY_CACHE',
    });
  }
}

/** The cache of one adapter in a folder, which is made; throws `invalid_options` if it cannot be. */
export function openSnapshotCache(
  folder: string | undefined,
  adapter: string,
  clock: Clock,
): SnapshotCache | undefined {
  if (folder === undefined) return undefined;
  const own = path.join(folder, adapter);
  try {
    mkdirSync(own, { recursive: true });
  } catch (error: unknown) {
    const message = error instanceof Error ? error.message : String(error);
    throw new DiscoveryError('invalid_options', `the snapshot cache cannot be kept: ${message}`, {
      cause: error,
    });
  }
  return new SnapshotCache(own, clock);
}
