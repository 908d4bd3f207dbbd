import { checkDuration, checkPeriod, systemClock, type Clock, type Random } from '@movies/time';
import { inspect } from 'node:util';
import type { Attempt } from './attempt';
import type { Balancer } from './balancer/balancer';
import { PeakEwma } from './balancer/peak-ewma';
import { checkCount, checkFinite, checkFunction, checkNames, checkNumber } from './check-options';
import { classifyByStatus, type ResponseClass, type ResponseClassifier } from './classify';
import { ejectionDefaults, type EjectionOptions } from './health/outlier-detection';
import type { RetryBudgetOptions } from './retry/budget';
import type { RetryThrottleOptions } from './retry/throttle';
import type { Patience } from './retry/patience';
import { TlsCredentials, tlsOptionNames, type ClientTls } from './tls-credentials';
import { preferZone } from './zone-preference';
import type { HostSetOptions } from './host-set';

/** How a client calls the instances of one service. Durations are in milliseconds. */
export interface ClientOptions {
  /** Whole time of a request, retries included, unless it brings its own. 2,000 by default. */
  readonly deadlineMs?: number | undefined;
  /** Larger responses are `too_large`. 1 MiB by default. */
  readonly maxBodyBytes?: number | undefined;
  /** Connections to one instance at most. 128 by default. */
  readonly maxConnections?: number | undefined;
  /** Requests that wait for a connection to one instance at most; more are `upstream_overloaded`. 1,024 by default. */
  readonly maxQueued?: number | undefined;
  /** How long an idle connection is kept; shorter than the server keeps it. 4,000 by default, as in undici. */
  readonly keepAliveMs?: number | undefined;
  /** How long a connection may take before the instance counts as gone; TLS may take five times as long. 400 by default. */
  readonly connectTimeoutMs?: number | undefined;
  /** Present: TLS, with these certificates. Plain HTTP by default. */
  readonly tls?: ClientTls | undefined;
  /** Attempts of one request at most. 3 by default; 1 is no retry and no second attempt. */
  readonly maxAttempts?: number | undefined;
  /** When another instance is asked beside a late one. `half` of the time that is left by default. */
  readonly patience?: Patience | undefined;
  /** How many retries and second attempts there may be. By default 20 % of the requests and 10 per second, over 10 s. */
  readonly retryBudget?: Partial<Omit<RetryBudgetOptions, 'clock'>> | undefined;
  /** How many retries may be of no use: by default 100 at once and 10 per second; of second attempts a quarter. */
  readonly retryThrottle?: Partial<Omit<RetryThrottleOptions, 'clock'>> | undefined;
  /** When an instance that fails is left alone. */
  readonly ejection?: Partial<EjectionOptions> | undefined;
  /** Which instance is asked. One of its own for each client; `new PeakEwma()` by default. */
  readonly balancer?: Balancer | undefined;
  /** What a response says of its instance. By its status by default. */
  readonly classify?: ResponseClassifier | undefined;
  /** Time in which the share of a new instance grows from a tenth to the whole. 0 by default: it has it at once. */
  readonly slowStartMs?: number | undefined;
  /** The zone of this process: instances in it are preferred. None by default. */
  readonly zone?: string | undefined;
  /** The node of this process, for hints that name nodes. None by default. */
  readonly node?: string | undefined;
  /** Called after every attempt, also those that a retry made good. What it throws becomes a warning of the process. */
  readonly onAttempt?: ((attempt: Attempt) => void) | undefined;
  readonly clock?: Clock | undefined;
  readonly random?: Random | undefined;
}

/** The options with their defaults. */
export interface ClientSettings extends Omit<HostSetOptions, 'outliers' | 'note'> {
  readonly deadlineMs: number;
  readonly maxBodyBytes: number;
  readonly maxAttempts: number;
  readonly patience: Patience;
  readonly retryBudget: Omit<RetryBudgetOptions, 'clock'>;
  readonly retryThrottle: Omit<RetryThrottleOptions, 'clock'>;
  readonly ejection: EjectionOptions;
  readonly classify: ResponseClassifier;
  readonly onAttempt: (attempt: Attempt) => void;
}

const optionNames = [
  'deadlineMs',
  'maxBodyBytes',
  'maxConnections',
  'maxQueued',
  'keepAliveMs',
  'connectTimeoutMs',
  'tls',
  'maxAttempts',
  'patience',
  'retryBudget',
  'retryThrottle',
  'ejection',
  'balancer',
  'classify',
  'slowStartMs',
  'zone',
  'node',
  'onAttempt',
  'clock',
  'random',
] as const satisfies readonly (keyof ClientOptions)[];

const throttleDefaults = { tokens: 100, perSecond: 10 };
const budgetDefaults = { perRequest: 0.2, perSecond: 10, windowMs: 10_000 };

/** Checks the options and fills in the defaults. Throws a `RangeError` or a `TypeError` that names the option. */
export function clientSettings(options: ClientOptions): ClientSettings {
  checkNames(optionNames, options);
  checkDuration('deadlineMs', options.deadlineMs);
  for (const name of ['maxBodyBytes', 'maxConnections', 'maxAttempts'] as const) {
    checkCount(name, options[name]);
  }
  checkCount('maxQueued', options.maxQueued, 0);
  for (const name of ['keepAliveMs', 'connectTimeoutMs'] as const) checkPeriod(name, options[name]);
  checkDuration('slowStartMs', options.slowStartMs);
  for (const name of ['keepAliveMs', 'slowStartMs'] as const) checkFinite(name, options[name]);
  for (const name of ['classify', 'onAttempt', 'random'] as const) {
    checkFunction(name, options[name]);
  }
  checkPatience(options.patience);
  const { balancer, classify = classifyByStatus, onAttempt } = options;
  if (balancer !== undefined) checkFunction('balancer.pick', Reflect.get(Object(balancer), 'pick'));
  return {
    deadlineMs: options.deadlineMs ?? 2000,
    maxBodyBytes: options.maxBodyBytes ?? 1024 * 1024,
    maxConnections: options.maxConnections ?? 128,
    maxQueued: options.maxQueued ?? 1024,
    keepAliveMs: options.keepAliveMs ?? 4000,
    connectTimeoutMs: options.connectTimeoutMs ?? 400,
    tls: tlsOf(options.tls),
    maxAttempts: options.maxAttempts ?? 3,
    patience: options.patience ?? 'half',
    retryBudget: budgetOf(options.retryBudget),
    retryThrottle: throttleOf(options.retryThrottle),
    ejection: ejectionOf(options.ejection),
    balancer: balancer === undefined ? new PeakEwma() : guarded(balancer),
    classify: (response) =>
      classOf(safely('classify', () => classify(response))) ?? classifyByStatus(response),
    slowStartMs: options.slowStartMs ?? 0,
    zones: preferZone(options.zone, options.node),
    onAttempt: (attempt) => safely('onAttempt', () => onAttempt?.(attempt)),
    clock: options.clock ?? systemClock,
    random: options.random ?? Math.random,
  };
}

function checkPatience(patience: Patience | undefined): void {
  if (patience === 'half' || patience === 'p95') return;
  if (typeof patience === 'string') {
    throw new RangeError(
      `'patience' is half, p95 or a time, and not the text '${String(patience)}'`,
    );
  }
  checkPeriod('patience', patience);
}

function tlsOf(given: ClientOptions['tls']): TlsCredentials | undefined {
  if (given === undefined) return undefined;
  checkNames(tlsOptionNames, given, 'tls.');
  return new TlsCredentials(given);
}

function budgetOf(given: ClientOptions['retryBudget'] = {}): ClientSettings['retryBudget'] {
  checkNames(Object.keys(budgetDefaults), given, 'retryBudget.');
  checkNumber('retryBudget.perRequest', given.perRequest, 0, 10);
  checkNumber('retryBudget.perSecond', given.perSecond, 0, 1e6);
  checkPeriod('retryBudget.windowMs', given.windowMs);
  checkFinite('retryBudget.windowMs', given.windowMs);
  return { ...budgetDefaults, ...present(given) };
}

function throttleOf(given: ClientOptions['retryThrottle'] = {}): ClientSettings['retryThrottle'] {
  checkNames(Object.keys(throttleDefaults), given, 'retryThrottle.');
  checkNumber('retryThrottle.tokens', given.tokens, 0, 1e6);
  checkNumber('retryThrottle.perSecond', given.perSecond, 0, 1e6);
  return { ...throttleDefaults, ...present(given) };
}

function ejectionOf(given: ClientOptions['ejection'] = {}): EjectionOptions {
  checkNames(Object.keys(ejectionDefaults), given, 'ejection.');
  for (const name of ['failuresInRow', 'minimumCalls'] as const) {
    checkCount(`ejection.${name}`, given[name]);
  }
  for (const name of ['failureRate', 'maxShare'] as const) {
    checkNumber(`ejection.${name}`, given[name], 0, 1);
  }
  for (const name of [
    'windowMs',
    'failedMs',
    'maxFailedMs',
    'refusedMs',
    'maxRefusedMs',
  ] as const) {
    checkPeriod(`ejection.${name}`, given[name]);
  }
  checkFinite('ejection.windowMs', given.windowMs);
  return { ...ejectionDefaults, ...present(given) };
}

/** Without the fields that are `undefined`, which are the same as absent. */
function present<Fields extends object>(fields: Fields): Partial<Fields> {
  const given = Object.entries(fields).filter(([, value]) => value !== undefined);
  return Object.fromEntries(given) as Partial<Fields>;
}

/** A balancer whose errors harm no request: it picks the first host instead. */
function guarded(balancer: Balancer): Balancer {
  return {
    state: () => safely('balancer.state', () => balancer.state()),
    pick: (hosts, random, now) =>
      safely('balancer.pick', () => balancer.pick(hosts, random, now)) ?? 0,
    started: (host) => safely('balancer.started', () => balancer.started?.(host)),
    ended: (host, end, now) => safely('balancer.ended', () => balancer.ended?.(host, end, now)),
    ...(balancer.score && {
      score: (host, now) => safely('balancer.score', () => balancer.score?.(host, now)) ?? NaN,
    }),
  };
}

const responseClasses: readonly unknown[] = ['ok', 'failed', 'overloaded', 'unavailable'];

/** `undefined` for what is no class: plain JavaScript may return anything, such as a promise. */
function classOf(given: ResponseClass | undefined): ResponseClass | undefined {
  if (given === undefined || responseClasses.includes(given)) return given;
  warn('classify', `returns ${inspect(given)}, and none of ${responseClasses.join(', ')}`);
  return undefined;
}

/** What a user's function throws, or rejects with later, is the user's to see, and harms no request. */
function safely<Result>(name: string, run: () => Result): Result | undefined {
  const told = (error: unknown) => {
    warn(name, `throws ${inspect(error)}`);
  };
  try {
    const result: unknown = run();
    if (result instanceof Promise) result.catch(told);
    return result as Result;
  } catch (error: unknown) {
    told(error);
    return undefined;
  }
}

function warn(name: string, what: string): void {
  process.emitWarning(`'${name}' of a service client ${what}`);
}
