import { delay, type Clock, type Random } from '@movies/time';
import type { Source } from '../../adapter/source';
import { SourceFailure } from '../../adapter/source-failure';
import type { KubeObject, ListRead, ListWatch } from './list-watch';
import {
  advance,
  begin,
  progress,
  type ReflectorCommand,
  type ReflectorInput,
  type ReflectorState,
} from './reflector-machine';

/** What a reflector keeps equal to the server's objects. */
export interface Store<T extends KubeObject> {
  /** These are all objects, at one version. */
  replace(objects: readonly T[]): void;
  put(object: T): void;
  delete(name: string): void;
  /** A bookmark: nothing has changed since the last call. */
  confirm(): void;
}

/** Where the objects come from, and where they go to. */
export interface ReflectorOptions<T extends KubeObject> {
  readonly listWatch: Pick<ListWatch<T>, 'list' | 'watch'>;
  readonly store: Store<T>;
  readonly clock: Clock;
  readonly random: Random;
}

/** How a command ended, and the failure if it failed. */
interface Outcome {
  readonly input: ReflectorInput;
  readonly failure?: SourceFailure;
}

/** Keeps a store equal to objects of the API server. Carries out what the reflector machine decides, a request a turn. */
export class Reflector<T extends KubeObject> implements Source {
  readonly #options: ReflectorOptions<T>;
  #state: ReflectorState;
  #command: ReflectorCommand;

  constructor(options: ReflectorOptions<T>) {
    this.#options = options;
    ({ state: this.#state, command: this.#command } = begin(options.clock.now()));
  }

  /** One list, or one watch for as long as it lasts. Rejects with a `SourceFailure`, unless the signal is aborted. */
  async turn(signal: AbortSignal): Promise<number> {
    const { clock, random } = this.#options;
    // The back-off after a failure may be shorter than lists must be apart.
    const earlyMs = this.#command.notBefore - clock.now();
    if (earlyMs > 0) await delay(earlyMs, clock, signal);
    const beganAt = clock.now();
    const { input, failure } = await this.#carryOut(this.#command, signal);
    const now = clock.now();
    const { state, command, isPrompt } = advance(this.#state, input, { beganAt, now, random });
    this.#state = state;
    this.#command = command;
    const waitMs = command.notBefore - now;
    if (!isPrompt) throw failure ?? endedAtOnce();
    if (failure === undefined) return waitMs;
    const { kind, message, reason } = failure;
    throw new SourceFailure(kind, message, {
      reason,
      // At once: the next turn waits for its `notBefore` by itself, without the jitter that comes upon this.
      retryAfterMs: 1,
      cause: failure,
    });
  }

  /** Rejects only if the signal is aborted. */
  async #carryOut(command: ReflectorCommand, signal: AbortSignal): Promise<Outcome> {
    try {
      if (command.do === 'list') {
        return { input: { type: 'listed', version: await this.#list(command.read, signal) } };
      }
      await this.#watch(command, signal);
      return { input: { type: 'closed' } };
    } catch (error: unknown) {
      signal.throwIfAborted();
      if (error instanceof WentBack)
        return { input: { type: 'went back' }, failure: error.failure };
      const failure = SourceFailure.of(error);
      if (isTooBusy(failure)) return { input: { type: 'busy' }, failure };
      return { input: { type: 'failed', kind: failure.kind }, failure };
    }
  }

  async #list(read: ListRead, signal: AbortSignal): Promise<string> {
    const { listWatch, store } = this.#options;
    const { version, objects } = await listWatch.list(read, signal);
    signal.throwIfAborted();
    if (typeof read === 'object' && isOlder(version, read.notOlderThan)) {
      throw new WentBack(read.notOlderThan, version);
    }
    store.replace(objects);
    return version;
  }

  async #watch(
    command: Extract<ReflectorCommand, { do: 'watch' }>,
    signal: AbortSignal,
  ): Promise<void> {
    const { listWatch, store } = this.#options;
    let known = command.version;
    for await (const event of listWatch.watch(command, signal)) {
      signal.throwIfAborted();
      const { version } = event;
      if (event.type === 'BOOKMARK') {
        // A server that was set back to an older state has no events until it is past this version.
        if (isOlder(version, known)) throw new WentBack(known, version);
        store.confirm();
      } else if (isNewer(version, known)) {
        if (event.type === 'DELETED') store.delete(event.object.metadata.name);
        else store.put(event.object);
      } else {
        // Repeated, or older than what is known: events come in the order of their versions.
        continue;
      }
      known = version;
      this.#state = progress(this.#state, version);
    }
  }
}

/** Thrown where a version is older than the last one seen. */
class WentBack extends Error {
  readonly failure: SourceFailure;

  constructor(known: string, version: string) {
    super('the server went back');
    this.failure = new SourceFailure(
      'expired',
      `the API server went back from version ${known} to ${version}`,
      { reason: 'went_back' },
    );
  }
}

/** 429, as a response or an event: the server does not look at what is asked. */
function isTooBusy({ reason }: SourceFailure): boolean {
  return reason === 'http_429' || reason === 'event_429';
}

function endedAtOnce(): SourceFailure {
  return new SourceFailure('refused', 'the API server ended the watch at once', {
    reason: 'short_watch',
  });
}

/**
 * Whether `candidate` is newer than `known`. Resource versions are decimal numbers of any length, and can be compared
 * within one resource (KEP-5504). Nothing is known of any other form, which counts as newer.
 */
export function isNewer(candidate: string, known: string): boolean {
  if (!/^\d+$/.test(candidate) || !/^\d+$/.test(known)) return candidate !== known;
  return candidate.length === known.length ? candidate > known : candidate.length > known.length;
}

/** Whether `candidate` is certainly older than `known`. */
export function isOlder(candidate: string, known: string): boolean {
  return candidate !== known && !isNewer(candidate, known);
}
