import type { Random } from '@movies/time';
import type { FailureKind } from '../../adapter/source-failure';
import type { ListRead } from './list-watch';

/** The next request of the reflector. */
export type ReflectorCommand = {
  /** The clock's time before which the request must not begin. */
  readonly notBefore: number;
} & (
  | { readonly do: 'list'; readonly read: ListRead }
  | { readonly do: 'watch'; readonly version: string; readonly timeoutSeconds: number }
);

/** How a command ended. */
export type ReflectorInput =
  | { readonly type: 'listed'; readonly version: string }
  /** The server ended the watch in good order. */
  | { readonly type: 'closed' }
  | { readonly type: 'failed'; readonly kind: FailureKind }
  /** The server refused the request because of its load, and not because of what was asked. */
  | { readonly type: 'busy' }
  /** The server showed a version that is older than the last one seen: its store was set back. */
  | { readonly type: 'went back' };

/** Everything that the reflector remembers. Times are the clock's, in milliseconds. */
export interface ReflectorState {
  /** A relist may come from the server's cache, and is not older than the last version seen. */
  readonly request: 'watch' | 'relist' | 'consistent list';
  /** The last version seen; absent before the first list. */
  readonly version?: string;
  /** How often in a row this request failed, or ended without having served. */
  readonly attempts: number;
  /** What the present watch brought so far: `news` if it has come to another version, else at most bookmarks of the same. */
  readonly heard: 'nothing' | 'bookmark' | 'news';
  /** The last list replaced a watch, and no watch has served since. */
  readonly relisted: boolean;
  /** When the last list began. */
  readonly listedAt: number;
}

/** What a decision depends on beside the state. Times are the clock's, in milliseconds. */
export interface ReflectorSurroundings {
  /** When the command that ended was begun. */
  readonly beganAt: number;
  readonly now: number;
  readonly random: Random;
}

/** A decision: the next state and the next request. */
export interface ReflectorStep {
  readonly state: ReflectorState;
  readonly command: ReflectorCommand;
  /** The command is a remedy, and waits for its `notBefore` only; else the back-off decides. */
  readonly isPrompt: boolean;
}

/**
 * A watch that ends sooner, and has come to no other version, is a failure: a server may close one on a version that it lost
 * (kubernetes/kubernetes#104171).
 */
const shortWatchMs = 2000;
/** Another kind of request follows so many of one kind. */
const maxAttempts = 3;
const minListIntervalMs = 1000;
const minWatchIntervalMs = 100;
/** Clients of a server that has lost its history spread their lists over this time. */
const relistJitterMs = 500;
/** A consistent list may cost the server a read from etcd. */
const consistentJitterMs = 2000;

/** The first step: a list of whatever version the server's cache has. */
export function begin(now: number): ReflectorStep {
  return {
    state: {
      request: 'relist',
      attempts: 0,
      heard: 'nothing',
      relisted: false,
      listedAt: Number.NEGATIVE_INFINITY,
    },
    command: { do: 'list', read: 'any', notBefore: now },
    isPrompt: true,
  };
}

/** The present watch had an event or a bookmark. */
export function progress(state: ReflectorState, version: string): ReflectorState {
  if (version !== state.version) {
    return { ...state, version, attempts: 0, heard: 'news', relisted: false };
  }
  // It ends no count: a server may send the bookmark, and then fail at the first event after it, each time.
  return state.heard === 'nothing' ? { ...state, heard: 'bookmark' } : state;
}

/**
 * The reflector's decisions after a command has ended. It lists, watches from the version of the list, and goes on from
 * the last version seen.
 *
 * - A watch that breaks off, or cannot be reached, is followed by a list: opening another confirms nothing, and a quiet
 *   server sends the next bookmark up to a minute later.
 * - An expired version is followed by a list that is not older, as in client-go (kubernetes/kubernetes#86430), and only
 *   where the server refuses that by a consistent one.
 * - A request that is refused three times is followed by one of another kind.
 * - A server that is too busy is asked for no consistent list that was not due before: it costs more than what it refuses.
 */
export function advance(
  before: ReflectorState,
  input: ReflectorInput,
  surroundings: ReflectorSurroundings,
): ReflectorStep {
  const { beganAt, now } = surroundings;
  const state = {
    ...before,
    heard: 'nothing' as const,
    listedAt: before.request === 'watch' ? before.listedAt : beganAt,
  };
  switch (input.type) {
    case 'listed': {
      // The first list is none: a watch has not failed yet.
      const relisted = state.version !== undefined;
      const listed = { ...state, version: input.version, attempts: 0, relisted };
      return step({ ...listed, request: 'watch' }, true, surroundings);
    }
    case 'closed': {
      if (before.heard === 'news') {
        const next = step(state, true, surroundings);
        const notBefore = Math.max(now, beganAt + minWatchIntervalMs);
        return { ...next, command: { ...next.command, notBefore } };
      }
      const isShort = now - beganAt < shortWatchMs;
      if (before.heard === 'bookmark' && !isShort) {
        return step({ ...state, attempts: 0, relisted: false }, true, surroundings);
      }
      return step(countAttempt(state, isShort), !isShort, surroundings);
    }
    case 'went back':
      return step(
        { ...state, request: 'consistent list', attempts: 0 },
        state.request === 'relist' || !state.relisted,
        surroundings,
      );
    case 'busy':
      return step(afterBusy(state), false, surroundings);
    case 'failed':
      if (input.kind === 'expired') return expire(state, surroundings);
      return step(afterFailure(state, input.kind), false, surroundings);
  }
}

/** The server no longer knows the version that the request named, or does not know it yet. */
function expire(state: ReflectorState, surroundings: ReflectorSurroundings): ReflectorStep {
  switch (state.request) {
    case 'watch':
      return step(relist(state, state.relisted), !state.relisted, surroundings);
    case 'relist':
      return step({ ...state, request: 'consistent list', attempts: 0 }, true, surroundings);
    case 'consistent list':
      // One of its later pages.
      return step(countAttempt(state, true), false, surroundings);
  }
}

function afterFailure(
  state: ReflectorState,
  kind: Exclude<FailureKind, 'expired'>,
): ReflectorState {
  const isWatch = state.request === 'watch';
  switch (kind) {
    case 'unreachable':
      // No server was asked, and any other request fails in the same way.
      return isWatch ? relist(state, false) : state;
    case 'lost':
      return isWatch ? relist(state, false) : countAttempt(state, true);
    case 'silent':
      return isWatch ? relist(state, state.relisted) : countAttempt(state, true);
    case 'refused':
    case 'malformed':
      return countAttempt(state, true);
  }
}

/** Goes on to another kind of request after a few attempts. */
function countAttempt(state: ReflectorState, isFailure: boolean): ReflectorState {
  const attempts = state.attempts + 1;
  if (attempts < maxAttempts) return { ...state, attempts };
  switch (state.request) {
    case 'watch':
      return relist(state, isFailure && state.relisted);
    case 'relist':
      return { ...state, request: 'consistent list', attempts: 0 };
    case 'consistent list':
      return { ...state, request: state.version === undefined ? 'relist' : 'watch', attempts: 0 };
  }
}

/** Watches and lists take turns, since a proxy may refuse the one and not the other. */
function afterBusy(state: ReflectorState): ReflectorState {
  const attempts = state.attempts + 1;
  if (attempts < maxAttempts) return { ...state, attempts };
  if (state.request === 'watch' || state.version === undefined) return relist(state, false);
  return { ...state, request: 'watch', attempts: 0 };
}

/** Lists in place of a watch. The list is consistent if the one before did not help. */
function relist(state: ReflectorState, isConsistent: boolean): ReflectorState {
  return { ...state, request: isConsistent ? 'consistent list' : 'relist', attempts: 0 };
}

function step(
  state: ReflectorState,
  isPrompt: boolean,
  surroundings: ReflectorSurroundings,
): ReflectorStep {
  return { state, command: commandOf(state, isPrompt, surroundings), isPrompt };
}

function commandOf(
  { request, version, listedAt }: ReflectorState,
  isPrompt: boolean,
  { now, random }: ReflectorSurroundings,
): ReflectorCommand {
  if (request === 'watch' && version !== undefined) {
    return {
      do: 'watch',
      version,
      // Servers lose events now and then (kubernetes/kubernetes#102464): a bounded life also repairs.
      timeoutSeconds: 240 + Math.floor(random() * 51),
      notBefore: now,
    };
  }
  const isConsistent = request === 'consistent list';
  const jitterMs = isConsistent ? consistentJitterMs : relistJitterMs;
  return {
    do: 'list',
    read: isConsistent ? 'consistent' : version === undefined ? 'any' : { notOlderThan: version },
    // The back-off has a jitter of its own.
    notBefore: Math.max(listedAt + minListIntervalMs, now + (isPrompt ? random() * jitterMs : 0)),
  };
}
