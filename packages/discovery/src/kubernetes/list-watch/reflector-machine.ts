import type { Random } from '@movies/time';
import type { KubeFailure } from '../api-server/kube-failure';

/** What the reflector is to do now; a finished command comes back as an input. */
export type ReflectorCommand =
  /** A list: from the server's cache, or consistent, which costs it a read from its store. */
  | { readonly do: 'list'; readonly consistent: boolean }
  | { readonly do: 'watch'; readonly version: string; readonly timeoutSeconds: number }
  | { readonly do: 'wait'; readonly ms: number };

export type ReflectorInput =
  | { readonly type: 'listed'; readonly version: string }
  /** The watch is open: the server has answered 200. */
  | { readonly type: 'opened' }
  /** An event or a bookmark. */
  | { readonly type: 'heard'; readonly version: string }
  /** The server has ended the watch in good order. */
  | { readonly type: 'closed' }
  | { readonly type: 'failed'; readonly failure: Pick<KubeFailure, 'kind' | 'retryAfterMs'> }
  | { readonly type: 'waited' };

/** Everything the reflector remembers. Times are the clock's, in milliseconds. */
export interface ReflectorState {
  /** The step after the present one, if that is a wait. */
  readonly next: 'list' | 'watch';
  /** Where to go on from; absent before the first list. */
  readonly version?: string;
  /** The next list must be consistent: what the cache gave, or would give, is in doubt. */
  readonly doubt: boolean;
  readonly listedAt: number;
  /** When the present watch was opened. */
  readonly watchedAt: number;
  /** Whether a 410 is answered with a list at once: not again until something was heard. */
  readonly listsAtOnce: boolean;
  /** Watches in a row that ended at once, told nothing until their deadline, or were not understood. */
  readonly fruitless: number;
  /** Failures in a row that had an answer, and that had none: nobody there, a broken connection, silence. */
  readonly answered: number;
  readonly unanswered: number;
  /** Since when there was no failure. */
  readonly healthySince: number | undefined;
}

export interface ReflectorSurroundings {
  readonly now: number;
  readonly random: Random;
}

export type ReflectorStep = readonly [ReflectorState, ReflectorCommand | undefined];

/** A watch that ends sooner has served nothing: a server may close one on a version it lost (kubernetes/kubernetes#104171). */
const shortWatchMs = 2000;
const fruitlessLimit = 3;
const minListIntervalMs = 1000;
/** So that the clients of a server that has forgotten everything do not all list in the same moment. */
const relistJitterMs = 500;
const initialBackoffMs = 800;
const maxBackoffMs = 30_000;
const maxUnansweredMs = 5000;
const maxRetryAfterMs = 60_000;
const healthyMs = 120_000;

/** Before the first list, which may come from the server's cache. */
const initialState: ReflectorState = {
  next: 'list',
  doubt: false,
  listedAt: Number.NEGATIVE_INFINITY,
  watchedAt: Number.NEGATIVE_INFINITY,
  listsAtOnce: true,
  fruitless: 0,
  answered: 0,
  unanswered: 0,
  healthySince: undefined,
};

/** The first command. */
export function begin(surroundings: ReflectorSurroundings): ReflectorStep {
  return list(initialState, surroundings, 0);
}

/**
 * The reflector's decisions, and nothing else: list, watch from the list's version, and after whatever
 * happens go on from the last version known to be good, or list again where that is the only way.
 */
export function advance(
  state: ReflectorState,
  input: ReflectorInput,
  surroundings: ReflectorSurroundings,
): ReflectorStep {
  const { now } = surroundings;
  switch (input.type) {
    case 'listed':
      return watch(
        {
          ...healthy(state, now),
          version: input.version,
          doubt: false,
          fruitless: 0,
        },
        surroundings,
      );
    case 'opened':
      return [{ ...healthy(state, now), watchedAt: now }, undefined];
    case 'heard':
      return [{ ...state, version: input.version, fruitless: 0, listsAtOnce: true }, undefined];
    case 'closed':
      if (now - state.watchedAt >= shortWatchMs)
        return watch({ ...state, fruitless: 0 }, surroundings);
      return retry(
        { ...state, fruitless: state.fruitless + 1 },
        { kind: 'refused', retryAfterMs: undefined },
        surroundings,
      );
    case 'failed':
      return fail(state, input.failure, surroundings);
    case 'waited':
      return state.next === 'list' ? list(state, surroundings, 0) : watch(state, surroundings);
  }
}

function fail(
  state: ReflectorState,
  failure: Pick<KubeFailure, 'kind' | 'retryAfterMs'>,
  surroundings: ReflectorSurroundings,
): ReflectorStep {
  // A server that was set back to an older state has nothing to tell until it is where we are.
  if (failure.kind === 'garbled' || failure.kind === 'silent') {
    return retry({ ...state, fruitless: state.fruitless + 1 }, failure, surroundings);
  }
  if (failure.kind !== 'expired') return retry(state, failure, surroundings);
  const doubtful: ReflectorState = { ...state, next: 'list', doubt: true };
  // The usual case: the version grew old while the server, or the way to it, was gone.
  if (state.listsAtOnce) {
    return list({ ...doubtful, listsAtOnce: false }, surroundings, relistJitterMs);
  }
  return retry(doubtful, failure, surroundings);
}

/** Waits as long as the failure asks for, then does again what failed. */
function retry(
  state: ReflectorState,
  { kind, retryAfterMs }: Pick<KubeFailure, 'kind' | 'retryAfterMs'>,
  { now, random }: ReflectorSurroundings,
): ReflectorStep {
  const rested = state.healthySince !== undefined && now - state.healthySince >= healthyMs;
  const hasAnswer = kind === 'refused' || kind === 'expired' || kind === 'garbled';
  // Balancers cut what seems idle every minute: a connection that served is begun anew soon, each time.
  const served =
    (kind === 'lost' || kind === 'silent') &&
    state.next === 'watch' &&
    now - state.watchedAt >= shortWatchMs;
  const answered = rested ? 0 : state.answered;
  const unanswered = rested || served ? 0 : state.unanswered;
  const relist = state.fruitless >= fruitlessLimit;
  const after: ReflectorState = {
    ...state,
    healthySince: undefined,
    next: relist || state.version === undefined ? 'list' : state.next,
    doubt: state.doubt || relist,
    answered: Math.min(answered + (hasAnswer ? 1 : 0), 10),
    unanswered: Math.min(unanswered + (hasAnswer ? 0 : 1), 10),
  };
  const bound = hasAnswer
    ? Math.min(maxBackoffMs, initialBackoffMs * 2 ** answered)
    : Math.min(maxUnansweredMs, initialBackoffMs * 2 ** unanswered);
  // "After 0 seconds" asks for no wait at all, and would be a loop without one.
  const ms = retryAfterMs ? Math.min(retryAfterMs, maxRetryAfterMs) : random() * bound;
  return [after, { do: 'wait', ms }];
}

/** A list, at most one a second whatever happens. */
function list(
  state: ReflectorState,
  { now, random }: ReflectorSurroundings,
  jitterMs: number,
): ReflectorStep {
  const ms = Math.max(state.listedAt + minListIntervalMs - now, random() * jitterMs);
  if (ms > 0)
    return [
      { ...state, next: 'list' },
      { do: 'wait', ms },
    ];
  return [
    { ...state, next: 'list', listedAt: now },
    { do: 'list', consistent: state.doubt },
  ];
}

function watch(state: ReflectorState, { random }: ReflectorSurroundings): ReflectorStep {
  const { version } = state;
  if (version === undefined) throw new TypeError('a watch needs the version of a list');
  // Servers lose events now and then (kubernetes/kubernetes#102464): a bounded life also repairs.
  const timeoutSeconds = 240 + Math.floor(random() * 51);
  return [
    { ...state, next: 'watch' },
    { do: 'watch', version, timeoutSeconds },
  ];
}

function healthy(state: ReflectorState, now: number): ReflectorState {
  return { ...state, healthySince: state.healthySince ?? now };
}
