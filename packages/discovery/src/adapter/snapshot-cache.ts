import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync } from 'node:fs';
import { rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Clock } from '@movies/time';
import { createInstance, type Instance, type InstanceFields } from '../instance';
import { checkOption } from './check-option';
import { messageOf } from './message-of';
import type { SnapshotStore } from './snapshot-store';

/** A healthy registry answers sooner; until then its first response is worth waiting for. */
const patienceMs = 1000;
/** Changes come in groups, and a disk is slow. */
const batchMs = 1000;
/** How old the time of confirmation in a file may be, while the set is confirmed and does not change. */
const refreshMs = 60_000;

interface StoredSet {
  readonly service: string;
  readonly confirmedAt: number;
  readonly instances: readonly InstanceFields[];
}

/**
 * The last good set of each target in a folder, a file each; none of an empty set. A set is read when its target begins
 * to be followed, and told with the first failure of the registry, or when it has not answered within a second. A folder
 * that cannot be written is a process warning, once.
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
    let saved: Pick<StoredSet, 'instances' | 'confirmedAt'> | undefined;
    let cancelSave: () => void = () => undefined;
    const save = () => {
      cancelSave();
      const { view } = store;
      if (view.state !== 'known' || view.isFromCache) return;
      // It is confirmed without a change that would be told.
      if (view.instances.length > 0) saveLater(refreshMs);
      const { service, confirmedAt, instances } = view;
      if (saved?.instances === instances && saved.confirmedAt === confirmedAt) return;
      saved = { instances, confirmedAt };
      this.#write(file, { service, confirmedAt, instances });
    };
    const saveLater = (ms: number) => {
      cancelSave = this.#clock.schedule(ms, save, true);
    };
    const restore = () => {
      cancelPatience();
      if (stored !== undefined) store.restore(stored.instances, stored.confirmedAt);
    };
    const cancelPatience =
      stored === undefined ? () => undefined : this.#clock.schedule(patienceMs, restore);
    let known: readonly Instance[] | undefined;
    const unsubscribe = store.subscribe((view) => {
      if (view.state === 'unknown') {
        if (view.failure !== undefined) restore();
        return;
      }
      cancelPatience();
      if (view.instances === known) return;
      known = view.instances;
      cancelSave();
      saveLater(batchMs);
    });
    return () => {
      unsubscribe();
      cancelPatience();
      save();
      cancelSave();
    };
  }

  /** Resolves when everything is written. */
  async close(): Promise<void> {
    await Promise.all(this.#writing.values());
  }

  #read(
    file: string,
    service: string,
  ): { readonly confirmedAt: number; readonly instances: readonly Instance[] } | undefined {
    try {
      const stored = JSON.parse(readFileSync(file, 'utf8')) as StoredSet;
      const instances = stored.instances.map(createInstance);
      if (stored.service !== service || !Number.isFinite(stored.confirmedAt)) {
        throw new TypeError('it holds no set of this service');
      }
      // A clock that was wrong is not to make the set young for ever.
      return { instances, confirmedAt: Math.min(stored.confirmedAt, this.#clock.now()) };
    } catch (error: unknown) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') this.#warn('read', file, error);
      return undefined;
    }
  }

  /** A write at a time per file, each whole: a reader never sees half of one. */
  #write(file: string, set: StoredSet): void {
    const before = this.#writing.get(file) ?? Promise.resolve();
    const writing = before.then(() => this.#replace(file, set));
    this.#writing.set(file, writing);
    void writing.then(() => {
      if (this.#writing.get(file) === writing) this.#writing.delete(file);
    });
  }

  async #replace(file: string, set: StoredSet): Promise<void> {
    // Processes may share the folder, also some in containers with the same number.
    const part = `${file}.${randomBytes(6).toString('hex')}`;
    try {
      if (set.instances.length === 0) {
        // Names may come from callers, and most of those have no instances.
        await rm(file, { force: true });
        return;
      }
      await writeFile(part, JSON.stringify(set));
      await rename(part, file);
    } catch (error: unknown) {
      this.#warn('write', file, error);
      await rm(part, { force: true }).catch(() => undefined);
    }
  }

  #warn(doing: string, file: string, error: unknown): void {
    if (this.#hasWarned) return;
    this.#hasWarned = true;
    process.emitWarning(`the snapshot cache cannot ${doing} ${file}: ${messageOf(error)}`, {
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
  return checkOption(() => {
    if ((typeof folder as unknown) !== 'string' || folder === '') {
      throw new TypeError(`'snapshotCache' is the path of a folder, and not '${folder}'`);
    }
    const own = path.join(folder, adapter);
    mkdirSync(own, { recursive: true });
    return new SnapshotCache(own, clock);
  });
}
