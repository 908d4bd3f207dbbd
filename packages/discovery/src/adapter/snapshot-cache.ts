import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync } from 'node:fs';
import { rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { LimitedSignal, type Clock } from '@movies/time';
import { createInstance, type Instance, type InstanceFields } from '../instance';
import type { Snapshot } from '../view';
import { checkOption } from './check-option';
import { codeOf, messageOf } from './message-of';
import type { SnapshotStore } from './snapshot-store';

/** A healthy registry answers sooner; until then its first response is worth waiting for. */
const patienceMs = 1000;
/** Changes come in groups, and a disk is slow. */
const batchMs = 1000;
/** How long the origin of a set that is to be written is waited for. */
const originMs = 1000;
/** How old the time of confirmation in a file may be, while the set is confirmed and does not change. */
const refreshMs = 60_000;

/** Which registry the sets of a target come from; may throw or reject while that cannot be told. */
export type OriginOf = () => string | Promise<string>;

interface StoredSet {
  readonly service: string;
  readonly origin: string;
  readonly confirmedAt: number;
  readonly instances: readonly InstanceFields[];
}

/**
 * The last good set of each target in a folder, a file each; none of an empty set. A set is read when its target begins
 * to be followed, and told with the first failure of the registry, or when it has not answered within a second. A file
 * is of one target of one registry, so that registries may share the folder. A folder that cannot be written is a
 * process warning, once.
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
  keep(store: SnapshotStore, originOf: OriginOf): () => void {
    let stored: Pick<Snapshot, 'confirmedAt' | 'instances'> | undefined;
    let isDue = false;
    let isOver = false;
    let saved: Pick<Snapshot, 'confirmedAt' | 'instances'> | undefined;
    let cancelSave: () => void = () => undefined;
    const save = () => {
      cancelSave();
      const { view } = store;
      if (view.state !== 'known' || view.isFromCache) return;
      // It is confirmed without a change that would be told.
      if (view.instances.length > 0) saveLater(refreshMs);
      const { confirmedAt, instances } = view;
      if (saved?.instances === instances && saved.confirmedAt === confirmedAt) return;
      saved = { instances, confirmedAt };
      this.#write(view, originOf);
    };
    const saveLater = (ms: number) => {
      cancelSave = this.#clock.schedule(ms, save, true);
    };
    const restore = () => {
      cancelPatience();
      isDue = true;
      if (stored !== undefined) store.restore(stored.instances, stored.confirmedAt);
    };
    const cancelPatience = this.#clock.schedule(patienceMs, restore);
    const read = (origin: string) => {
      if (isOver) return;
      stored = this.#read(store.service, origin);
      if (stored === undefined) cancelPatience();
      else if (isDue) restore();
    };
    const fail = (error: unknown) => {
      cancelPatience();
      this.#warn(`read the set of '${store.service}'`, error);
    };
    try {
      const origin = originOf();
      // At once where it can be: a failure of the registry is to find the set.
      if (typeof origin === 'string') read(origin);
      else origin.then(read).catch(fail);
    } catch (error: unknown) {
      fail(error);
    }
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
      isOver = true;
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

  #read(service: string, origin: string): Pick<Snapshot, 'confirmedAt' | 'instances'> | undefined {
    const file = this.#fileOf(service, origin);
    try {
      const stored = JSON.parse(readFileSync(file, 'utf8')) as StoredSet;
      const instances = stored.instances.map(createInstance);
      const isOfTarget = stored.service === service && stored.origin === origin;
      if (!isOfTarget || !Number.isFinite(stored.confirmedAt)) {
        throw new TypeError(`it holds no set of this service from ${origin}`);
      }
      // A time in the future, from a wrong clock, would make the set look fresh for ever.
      return { instances, confirmedAt: Math.min(stored.confirmedAt, this.#clock.now()) };
    } catch (error: unknown) {
      if (codeOf(error) !== 'ENOENT') this.#warn(`read ${file}`, error);
      return undefined;
    }
  }

  /** A target has the same name at every registry, and is another service there. */
  #fileOf(service: string, origin: string): string {
    const registry = createHash('sha256').update(origin).digest('hex').slice(0, 16);
    return path.join(this.#folder, `${encodeURIComponent(service)}.${registry}.json`);
  }

  /** A write at a time per target, each whole: a reader never sees half of one. */
  #write(set: Snapshot, originOf: OriginOf): void {
    const { service } = set;
    const before = this.#writing.get(service) ?? Promise.resolve();
    const writing = before.then(() => this.#replace(set, originOf));
    this.#writing.set(service, writing);
    void writing.then(() => {
      if (this.#writing.get(service) === writing) this.#writing.delete(service);
    });
  }

  async #replace({ service, confirmedAt, instances }: Snapshot, originOf: OriginOf): Promise<void> {
    let file: string | undefined;
    let part: string | undefined;
    try {
      // `close` waits for this.
      using limited = new LimitedSignal(new AbortController().signal, originMs, this.#clock);
      const origin = await limited.race(Promise.resolve(originOf()));
      file = this.#fileOf(service, origin);
      if (instances.length === 0) {
        // Names may come from callers, and most of those have no instances.
        await rm(file, { force: true });
        return;
      }
      // Processes may share the folder, also some in containers with the same number.
      part = `${file}.${randomBytes(6).toString('hex')}`;
      const set: StoredSet = { service, origin, confirmedAt, instances };
      await writeFile(part, JSON.stringify(set));
      await rename(part, file);
    } catch (error: unknown) {
      this.#warn(`write ${file ?? `the set of '${service}'`}`, error);
      if (part !== undefined) await rm(part, { force: true }).catch(() => undefined);
    }
  }

  #warn(doing: string, error: unknown): void {
    if (this.#hasWarned) return;
    this.#hasWarned = true;
    process.emitWarning(`the snapshot cache cannot ${doing}: ${messageOf(error)}`, {
      code: 'DISCOVERY_CACHE',
    });
  }
}

/** The cache of one adapter in a folder, which is made; throws `invalid_options` if it cannot be. */
export function openSnapshotCache(
  folder: string | undefined,
  { name, origin }: { readonly name: string; readonly origin?: unknown },
  clock: Clock,
): SnapshotCache | undefined {
  if (folder === undefined) return undefined;
  return checkOption(() => {
    if (origin === undefined) {
      throw new TypeError(`a ${name} registry takes no 'snapshotCache': it is given '${folder}'`);
    }
    const own = path.join(folder, name);
    mkdirSync(own, { recursive: true });
    return new SnapshotCache(own, clock);
  });
}
