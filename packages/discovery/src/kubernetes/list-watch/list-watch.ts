import { LimitedSignal, type Clock } from '@movies/time';
import { messageOf } from '../../adapter/message-of';
import { SourceFailure } from '../../adapter/source-failure';
import type { KubeAccess } from '../access/kube-access';
import type { KubeApi } from '../api-server/kube-api';
import { parseStatus, toFailure } from '../api-server/kube-status';

/** What every object of the Kubernetes API has, as far as it is read here. */
export interface KubeObject {
  readonly metadata: {
    readonly name: string;
    readonly resourceVersion?: string;
    readonly uid?: string;
    readonly labels?: Readonly<Record<string, string>>;
  };
}

/** Which objects: of one namespace, those that a selector chooses. */
export interface ListWatchOptions {
  readonly api: KubeApi;
  readonly clock: Clock;
  /** From `/api` or `/apis`, for one namespace. */
  readonly path: (namespace: string) => string;
  /** `labelSelector` or `fieldSelector`. */
  readonly selector: Readonly<Record<string, string>>;
  /** Throws if an object of a list or an event is not of the kind that was asked for; only its name is checked by default. */
  readonly checkObject?: ((object: KubeObject) => void) | undefined;
  /** The namespace of the access if `undefined`. */
  readonly namespace: string | undefined;
  /** How long a watch may be silent, in milliseconds; a server sends a bookmark about every minute. */
  readonly idleMs: number;
}

/**
 * How fresh a list must be: of any version that the server's cache has; not older than one; or consistent, which is the
 * newest and may cost a read from etcd.
 */
export type ListRead = 'any' | { readonly notOlderThan: string } | 'consistent';

/** All objects there are, at one version of the resource. */
export interface KubeList<T extends KubeObject> {
  readonly version: string;
  readonly objects: readonly T[];
}

/** What happened to an object, or a bookmark: all that happened up to its version has been sent. */
export type WatchEvent<T extends KubeObject> =
  | {
      readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
      readonly version: string;
      readonly object: T;
    }
  | { readonly type: 'BOOKMARK'; readonly version: string };

const listMs = 30_000;
const pageSize = 500;
/** More than a list of `maxListBytes` has. */
const maxPages = 100;
const maxListBytes = 64 * 1024 * 1024;
const maxLineBytes = 8 * 1024 * 1024;
/** A server ends a watch at its `timeoutSeconds`. One that does not is left after so much more. */
const overtimeMs = 30_000;

/**
 * List and watch requests for the same objects (https://kubernetes.io/docs/reference/using-api/api-concepts/). They
 * reject with a `SourceFailure`, unless the signal was aborted.
 */
export class ListWatch<T extends KubeObject> {
  readonly #options: ListWatchOptions;
  #namespace: string | undefined;
  /** Server and namespace of the last request. */
  #place: string | undefined;

  constructor(options: ListWatchOptions) {
    this.#options = options;
    this.#namespace = options.namespace;
  }

  /** Where the objects are; `undefined` until the access has told its own namespace. */
  get namespace(): string | undefined {
    return this.#namespace;
  }

  /**
   * All objects at one version, within 30 s and 64 MiB. Only a consistent list comes in pages, since a cache ignores the
   * limit.
   */
  async list(read: ListRead, signal: AbortSignal): Promise<KubeList<T>> {
    using limited = new LimitedSignal(signal, listMs, this.#options.clock);
    const pages: KubeList<T>[] = [];
    let query = queryOf(read);
    let leftBytes = maxListBytes;
    for (;;) {
      const { list, next, bytes } = await this.#page(query, leftBytes, limited);
      leftBytes -= bytes;
      const { version } = pages[0] ?? list;
      if (list.version !== version) throw malformed('the pages have two versions', 'bad_list');
      pages.push(list);
      if (next === undefined) return { version, objects: pages.flatMap(({ objects }) => objects) };
      if (pages.length === maxPages) {
        throw malformed(`a list has more than ${maxPages} pages`, 'bad_list');
      }
      query = { limit: String(pageSize), continue: next };
    }
  }

  /**
   * What changes after a version, until the server ends the watch, or does not end it in time. The idle time begins with
   * the request.
   */
  async *watch(
    { version, timeoutSeconds }: { readonly version: string; readonly timeoutSeconds: number },
    signal: AbortSignal,
  ): AsyncGenerator<WatchEvent<T>> {
    const { api, clock, idleMs } = this.#options;
    // A proxy may hold the headers back until the first event.
    using limited = new LimitedSignal(signal, idleMs, clock);
    const query = {
      watch: 'true',
      allowWatchBookmarks: 'true',
      resourceVersion: version,
      timeoutSeconds: String(timeoutSeconds),
    };
    const endsAt = clock.now() + timeoutSeconds * 1000 + overtimeMs;
    const chunks = await api.get(this.#pathOf(query), limited);
    try {
      for await (const line of readLines(chunks, maxLineBytes)) {
        limited.restart(idleMs);
        yield this.#parseEvent(line);
        if (clock.now() >= endsAt) return;
      }
    } catch (error: unknown) {
      throw malformedUnlessFailure(error, 'bad_line');
    }
  }

  async #page(
    query: Readonly<Record<string, string>>,
    maxBytes: number,
    limited: LimitedSignal,
  ): Promise<{ list: KubeList<T>; next: string | undefined; bytes: number }> {
    const chunks = await this.#options.api.get(this.#pathOf(query), limited);
    const parts: Buffer[] = [];
    let bytes = 0;
    for await (const chunk of chunks) {
      bytes += chunk.length;
      if (bytes > maxBytes)
        throw malformed(`a list is longer than ${maxListBytes} bytes`, 'bad_list');
      parts.push(chunk);
    }
    try {
      const { metadata, items } = JSON.parse(Buffer.concat(parts).toString('utf8')) as {
        metadata: { resourceVersion: unknown; continue?: string };
        items: readonly T[] | null | undefined;
      };
      const version = checkVersion(metadata.resourceVersion);
      // Go writes an empty list as null; what has no items at all is no list, and no proof that there are no objects.
      if (items === undefined) throw new TypeError('no items');
      const objects = items ?? [];
      for (const object of objects) this.#check(object);
      const next = metadata.continue === '' ? undefined : metadata.continue;
      return { list: { version, objects }, next, bytes };
    } catch (error: unknown) {
      throw malformedUnlessFailure(error, 'bad_list');
    }
  }

  #parseEvent(line: string): WatchEvent<T> {
    const { type, object } = JSON.parse(line) as { type: unknown; object: T };
    switch (type) {
      case 'ADDED':
      case 'MODIFIED':
      case 'DELETED':
        this.#check(object);
        return { type, version: checkVersion(object.metadata.resourceVersion), object };
      case 'BOOKMARK':
        return { type, version: checkVersion(object.metadata.resourceVersion) };
      case 'ERROR':
        // Errors come inside a response with 200 by design (kubernetes/kubernetes#25151).
        throw toFailure(parseStatus(object), 'event');
      default:
        throw malformed(`an event of the type ${JSON.stringify(type)}`, 'bad_line');
    }
  }

  #check(object: T): void {
    if (typeof object.metadata.name !== 'string') throw new TypeError('an object without a name');
    this.#options.checkObject?.(object);
  }

  /**
   * A version means something in one place only. The access may lead to another server or namespace by now, as after
   * `kubectl config use-context`: what goes on from the version of a former list is then expired.
   */
  #pathOf(
    query: Readonly<Record<string, string>>,
  ): (own: Pick<KubeAccess, 'server' | 'namespace'>) => string {
    const { namespace, path, selector } = this.#options;
    const text = new URLSearchParams({ ...selector, ...query }).toString();
    const goesOn = query['watch'] !== undefined || query['resourceVersionMatch'] !== undefined;
    return (own) => {
      const found = namespace ?? own.namespace;
      const place = `${own.server} ${found}`;
      if (this.#place !== undefined && place !== this.#place && (goesOn || 'continue' in query)) {
        throw new SourceFailure('expired', `the access leads to ${place} now`, { reason: 'moved' });
      }
      this.#place = place;
      this.#namespace = found;
      return `${path(encodeURIComponent(this.#namespace))}?${text}`;
    };
  }
}

function queryOf(read: ListRead): Readonly<Record<string, string>> {
  if (read === 'any') return { resourceVersion: '0' };
  if (read === 'consistent') return { limit: String(pageSize) };
  return { resourceVersion: read.notOlderThan, resourceVersionMatch: 'NotOlderThan' };
}

/** The lines of a stream, without their newlines. Rejects with a `SourceFailure` on one that is too long, or not ended. */
export async function* readLines(
  chunks: AsyncIterable<Buffer>,
  maxLineBytes: number,
): AsyncGenerator<string> {
  const tooLong = `a line is longer than ${maxLineBytes} bytes`;
  // Parts of a line that has not ended; copied once, when it has.
  let parts: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of chunks) {
    let start = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
      const rest = chunk.subarray(start, end);
      if (bytes + rest.length > maxLineBytes) throw malformed(tooLong, 'bad_line');
      yield parts.length === 0
        ? rest.toString('utf8')
        : Buffer.concat([...parts, rest]).toString('utf8');
      parts = [];
      bytes = 0;
      start = end + 1;
    }
    if (start === chunk.length) continue;
    parts.push(chunk.subarray(start));
    bytes += chunk.length - start;
    if (bytes > maxLineBytes) throw malformed(tooLong, 'bad_line');
  }
  if (bytes > 0) {
    throw new SourceFailure('lost', 'the watch broke off in the middle of a line', {
      reason: 'half_line',
    });
  }
}

/** `0` stands for any version: a watch from there does not tell what was deleted before it began. */
function checkVersion(version: unknown): string {
  if (typeof version !== 'string' || version === '' || version === '0')
    throw new TypeError('no resourceVersion');
  return version;
}

function malformedUnlessFailure(error: unknown, reason: string): SourceFailure {
  if (error instanceof SourceFailure) return error;
  return malformed(messageOf(error), reason, error);
}

function malformed(what: string, reason: string, cause?: unknown): SourceFailure {
  return new SourceFailure('malformed', `the API server's response cannot be read: ${what}`, {
    reason,
    cause,
  });
}
