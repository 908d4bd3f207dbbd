import { LimitedSignal, type Clock } from '@movies/time';
import { HalfLineError, readLines } from './json-lines';
import type { KubeApi } from '../api-server/kube-api';
import { KubeFailure } from '../api-server/kube-failure';
import type { KubeObject } from './kube-object';
import { parseStatus, toFailure } from '../api-server/kube-status';

/** Which objects: of one namespace, those that a selector chooses. */
export interface KubeCollectionOptions {
  readonly api: KubeApi;
  readonly clock: Clock;
  /** From `/api`, for one namespace. */
  readonly path: (namespace: string) => string;
  /** `labelSelector` or `fieldSelector`. */
  readonly selector: Readonly<Record<string, string>>;
  /** The access's own by default. */
  readonly namespace: string | undefined;
  /** How long a watch may be silent; a server tells a quiet one its version every minute. */
  readonly idleMs: number;
}

export type WatchEvent<T extends KubeObject> =
  | {
      readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
      readonly version: string;
      readonly object: T;
    }
  | { readonly type: 'BOOKMARK'; readonly version: string };

export interface KubeList<T extends KubeObject> {
  readonly version: string;
  readonly objects: readonly T[];
}

const answerMs = 10_000;
const listMs = 30_000;
const pageSize = 500;
const maxListBytes = 64 * 1024 * 1024;
const maxLineBytes = 8 * 1024 * 1024;

/**
 * The objects that one list or watch request is about
 * (https://kubernetes.io/docs/reference/using-api/api-concepts/). What it rejects with is a `KubeFailure`,
 * unless the signal was aborted.
 */
export class KubeCollection<T extends KubeObject> {
  readonly #options: KubeCollectionOptions;
  #namespace: string | undefined;

  constructor(options: KubeCollectionOptions) {
    this.#options = options;
    this.#namespace = options.namespace;
  }

  /** Where the objects are; `undefined` until the access has told its own namespace. */
  get namespace(): string | undefined {
    return this.#namespace;
  }

  /**
   * All of them at one version. Any that the server's cache has will do, or, `consistent`, the newest; only
   * that one comes in pages, since a cache ignores the limit.
   */
  async list(consistent: boolean, signal: AbortSignal): Promise<KubeList<T>> {
    using limited = new LimitedSignal(signal, listMs, this.#options.clock);
    if (!consistent) return (await this.#page({ resourceVersion: '0' }, limited)).list;
    const objects: T[] = [];
    let token: string | undefined;
    for (;;) {
      const { list, next } = await this.#page(
        { limit: String(pageSize), ...(token === undefined ? {} : { continue: token }) },
        limited,
      );
      objects.push(...list.objects);
      if (next === undefined) return { version: list.version, objects };
      token = next;
    }
  }

  /** What changes after a version, until the server ends the watch. Calls `onOpen` when it has begun. */
  async *watch(
    { version, timeoutSeconds }: { readonly version: string; readonly timeoutSeconds: number },
    signal: AbortSignal,
    onOpen: () => void,
  ): AsyncGenerator<WatchEvent<T>> {
    const { api, clock, idleMs } = this.#options;
    using limited = new LimitedSignal(signal, answerMs, clock);
    const query = {
      watch: 'true',
      allowWatchBookmarks: 'true',
      resourceVersion: version,
      timeoutSeconds: String(timeoutSeconds),
    };
    const chunks = await api.get(this.#pathOf(query), limited);
    limited.restart(idleMs);
    onOpen();
    try {
      for await (const line of readLines(chunks, maxLineBytes)) {
        limited.restart(idleMs);
        yield parseEvent<T>(line);
      }
    } catch (error: unknown) {
      if (error instanceof HalfLineError) {
        throw new KubeFailure('lost', `the watch broke off: ${error.message}`, {
          reason: 'half_line',
          cause: error,
        });
      }
      throw garbledUnlessFailure(error, 'bad_line');
    }
  }

  async #page(
    query: Readonly<Record<string, string>>,
    limited: LimitedSignal,
  ): Promise<{ list: KubeList<T>; next: string | undefined }> {
    const chunks = await this.#options.api.get(this.#pathOf(query), limited);
    const parts: Buffer[] = [];
    let bytes = 0;
    for await (const chunk of chunks) {
      bytes += chunk.length;
      if (bytes > maxListBytes)
        throw garbled(`a list is longer than ${maxListBytes} bytes`, 'bad_list');
      parts.push(chunk);
    }
    try {
      const { metadata, items } = JSON.parse(Buffer.concat(parts).toString('utf8')) as {
        metadata: { resourceVersion: unknown; continue?: string };
        items: readonly T[] | null;
      };
      const version = checkVersion(metadata.resourceVersion);
      const objects = items ?? [];
      objects.forEach(checkName);
      const next = metadata.continue === '' ? undefined : metadata.continue;
      return { list: { version, objects }, next };
    } catch (error: unknown) {
      throw garbledUnlessFailure(error, 'bad_list');
    }
  }

  #pathOf(
    query: Readonly<Record<string, string>>,
  ): (own: { readonly namespace: string }) => string {
    const { namespace, path, selector } = this.#options;
    const text = new URLSearchParams({ ...selector, ...query }).toString();
    return (own) => {
      this.#namespace = namespace ?? own.namespace;
      return `${path(encodeURIComponent(this.#namespace))}?${text}`;
    };
  }
}

function parseEvent<T extends KubeObject>(line: string): WatchEvent<T> {
  const { type, object } = JSON.parse(line) as { type: unknown; object: T };
  switch (type) {
    case 'ADDED':
    case 'MODIFIED':
    case 'DELETED':
      checkName(object);
      return { type, version: checkVersion(object.metadata.resourceVersion), object };
    case 'BOOKMARK':
      return { type, version: checkVersion(object.metadata.resourceVersion) };
    case 'ERROR':
      // Errors come inside an answer with 200 by design (kubernetes/kubernetes#25151).
      throw toFailure(parseStatus(object), 'event');
    default:
      throw garbled(`an event of the type ${JSON.stringify(type)}`, 'bad_line');
  }
}

function checkName({ metadata }: KubeObject): void {
  if (typeof metadata.name !== 'string') throw new TypeError('an object without a name');
}

function checkVersion(version: unknown): string {
  if (typeof version !== 'string' || version === '') throw new TypeError('no resourceVersion');
  return version;
}

function garbledUnlessFailure(error: unknown, reason: string): KubeFailure {
  if (error instanceof KubeFailure) return error;
  return garbled(error instanceof Error ? error.message : String(error), reason, error);
}

function garbled(what: string, reason: string, cause?: unknown): KubeFailure {
  return new KubeFailure('garbled', `the API server's answer cannot be read: ${what}`, {
    reason,
    cause,
  });
}
