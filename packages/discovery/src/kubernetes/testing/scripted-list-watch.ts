import { type Clock, delay } from '@movies/time';
import type { EndpointSlice } from '../endpoints/endpoint-slice';
import { SourceFailure, type FailureKind } from '../../adapter/source-failure';
import type { KubeList, ListRead, ListWatch, WatchEvent } from '../list-watch/list-watch';
import type { ServerModel } from './server-model';

/** What a request, or a watch that is open, meets. */
export interface ScriptedFault {
  readonly kind:
    | FailureKind
    /** No response until the deadline. */
    | 'hang'
    /** A watch opens, and then fails as above, is closed, or tells nothing. */
    | 'expired event'
    | 'refused event'
    | 'closed'
    | 'muted'
    /** The response comes late. */
    | 'slow'
    /** A list of the cache that is some changes old, whatever was asked for. */
    | 'stale'
    /** A watch tells once more what came before, in the wrong order. */
    | 'again';
  readonly retryAfterMs?: number | undefined;
}

/** How long a watch may be silent, in milliseconds. */
export const idleMs = 10_000;
const bookmarkMs = 5000;
const answerMs = 10_000;

/** The lists and watches of a `ServerModel`, in memory, with faults; at most one request at a time. */
export class ScriptedListWatch implements Pick<ListWatch<EndpointSlice>, 'list' | 'watch'> {
  readonly #model: ServerModel;
  readonly #clock: Clock;
  /** What the next requests meet, one each. */
  faults: ScriptedFault[] = [];
  /** When lists were begun. */
  readonly listedAt: number[] = [];
  requests = 0;
  #underWay = 0;
  #struck: ScriptedFault | undefined;
  #wake: () => void = () => undefined;

  constructor(model: ServerModel, clock: Clock) {
    this.#model = model;
    this.#clock = clock;
  }

  /** Tells the open watch, if there is one, that there may be news; or lets it meet a fault. */
  tell(fault?: ScriptedFault): void {
    if (this.#underWay > 0) this.#struck = fault ?? this.#struck;
    this.#wake();
  }

  async list(read: ListRead, signal: AbortSignal): Promise<KubeList<EndpointSlice>> {
    this.listedAt.push(this.#clock.now());
    return await this.#during(async () => {
      const fault = await this.#answer(signal);
      if (fault?.kind === 'stale' && read !== 'consistent') return this.#model.list(2);
      if (fault?.kind.endsWith(' event') === true) throw failureOf({ kind: 'refused' });
      if (fault?.kind === 'closed' || fault?.kind === 'muted')
        throw failureOf({ kind: 'malformed' });
      const isTooLarge =
        typeof read === 'object' && Number(read.notOlderThan) > this.#model.version;
      if (isTooLarge) throw failureOf({ kind: 'expired' });
      return this.#model.list();
    });
  }

  async *watch(
    { version, timeoutSeconds }: { readonly version: string; readonly timeoutSeconds: number },
    signal: AbortSignal,
  ): AsyncGenerator<WatchEvent<EndpointSlice>> {
    this.#begin();
    try {
      const fault = await this.#answer(signal);
      this.#struck = fault;
      let known = Number(version);
      const endsAt = this.#clock.now() + timeoutSeconds * 1000;
      while (this.#clock.now() < endsAt) {
        const event = this.#model.after(known);
        const struck = this.#struck;
        this.#struck = undefined;
        if (struck?.kind === 'closed') return;
        if (struck?.kind === 'again') yield* this.#model.before(known, 3);
        else if (struck !== undefined && struck.kind !== 'slow' && struck.kind !== 'stale') {
          if (struck.kind === 'muted' || struck.kind === 'hang') await this.#silence(signal);
          throw failureOf(struck);
        }
        if (event === 'expired' || event === 'refused') throw failureOf({ kind: event });
        if (event !== undefined) {
          known = Number(event.version);
          yield event;
        } else if (await this.#nothingNew(signal)) {
          yield { type: 'BOOKMARK', version: String(this.#model.version) };
        }
      }
    } finally {
      this.#underWay -= 1;
    }
  }

  /** Takes the request's fault; throws if it fails before anything is answered. */
  async #answer(signal: AbortSignal): Promise<ScriptedFault | undefined> {
    await delay(1, this.#clock, signal);
    const fault = this.faults.shift();
    switch (fault?.kind) {
      case 'hang':
        await this.#pause(answerMs, signal);
        throw failureOf({ kind: 'silent' });
      case 'slow':
        await delay(3000, this.#clock, signal);
        return undefined;
      case 'expired':
      case 'malformed':
      case 'lost':
      case 'refused':
      case 'silent':
      case 'unreachable':
        throw failureOf(fault);
      default:
        return fault;
    }
  }

  /** Whether nothing happened for so long that a bookmark is due. */
  async #nothingNew(signal: AbortSignal): Promise<boolean> {
    return !(await this.#pause(bookmarkMs, signal));
  }

  /** Until the deadline, or the end of the faults. */
  async #silence(signal: AbortSignal): Promise<void> {
    const endsAt = this.#clock.now() + idleMs;
    while (this.#clock.now() < endsAt && this.#struck?.kind !== 'lost') {
      await this.#pause(endsAt - this.#clock.now(), signal);
    }
  }

  /** Whether it was woken before the time was up. */
  async #pause(ms: number, signal: AbortSignal): Promise<boolean> {
    let woken = false;
    const waiting = new AbortController();
    const stop = () => {
      waiting.abort();
    };
    this.#wake = () => {
      woken = true;
      stop();
    };
    signal.addEventListener('abort', stop, { once: true });
    await delay(ms, this.#clock, waiting.signal).catch(() => undefined);
    signal.removeEventListener('abort', stop);
    this.#wake = () => undefined;
    signal.throwIfAborted();
    return woken;
  }

  async #during<R>(request: () => Promise<R>): Promise<R> {
    this.#begin();
    try {
      return await request();
    } finally {
      this.#underWay -= 1;
    }
  }

  #begin(): void {
    this.requests += 1;
    this.#underWay += 1;
    this.#struck = undefined;
    if (this.#underWay > 1) throw new Error('two requests at the same time');
  }
}

const meant: Partial<Record<ScriptedFault['kind'], FailureKind>> = {
  hang: 'silent',
  muted: 'silent',
  'expired event': 'expired',
  'refused event': 'refused',
};

function failureOf({ kind, retryAfterMs }: ScriptedFault): SourceFailure {
  const failure = meant[kind] ?? (kind as FailureKind);
  return new SourceFailure(failure, `scripted: ${kind}`, { reason: kind, retryAfterMs });
}
