import { statusOf } from '../../testing/api-documents';
import type { OpenWatch } from '../../testing/api-watch';
import type { ApiCall, ApiReaction, FakeApiServer } from '../../testing/fake-api-server';
import { sliceOf } from '../../testing/slices';

/** When a fault strikes: at the first list; at the first watch, the list being known; in a watch that lives. */
export const faultPhases = ['before', 'during', 'after'] as const;
export type FaultPhase = (typeof faultPhases)[number];

/** A fault, as it looks to each kind of request; a text says why it has no meaning there. */
export interface Fault {
  readonly list: ApiReaction | string;
  readonly watch: ApiReaction | string;
  /** What happens to an open watch; by default it ends, and is answered with `watch` when it is begun again. */
  readonly strike?: (watch: OpenWatch, fake: FakeApiServer) => void;
  /** How often in a row. */
  readonly times?: number;
  /** The reasons of the restarts that it causes in each phase: proof that it was met. '' if it causes none. */
  readonly reasons: readonly [before: string, during: string, after: string];
}

const ghost = sliceOf('metadata', ['10.9.9.9'], { name: 'metadata-ghost' });
const onlyInAWatch = 'events are of a watch';
const onlyInAList = 'a watch has no length';
/** No test ever puts it on the server: whoever shows it took a broken line for an event. */
const neverThere = JSON.stringify({ type: 'ADDED', object: sliceOf('metadata', ['10.8.8.8']) });

function event(type: string, object: unknown): string {
  return `${JSON.stringify({ type, object })}\n`;
}

function versioned(version: number) {
  return { ...ghost, metadata: { ...ghost.metadata, resourceVersion: String(version) } };
}

/** Each fault by its name in the table. */
export const faults: Readonly<Record<string, Fault>> = {
  silent: {
    reasons: ['timeout', 'timeout', 'silent'],
    list: { drop: 'hang' },
    watch: { drop: 'hang' },
    strike: (watch) => {
      watch.mute();
    },
    times: 1,
  },
  reset: {
    reasons: ['unreachable', 'unreachable', 'lost'],
    list: { drop: 'reset' },
    watch: { drop: 'reset' },
    strike: (watch) => {
      watch.reset();
    },
  },
  'clean close': {
    reasons: ['bad_list', 'short_watch', 'short_watch'],
    list: { script: '' },
    watch: { script: '' },
  },
  '401': {
    reasons: ['http_401', 'http_401', 'http_401'],
    list: { status: 401 },
    watch: { status: 401 },
    times: 4,
  },
  '403': {
    reasons: ['http_403', 'http_403', 'http_403'],
    list: { status: 403 },
    watch: { status: 403 },
  },
  '410 as event': {
    reasons: ['', 'expired', 'expired'],
    list: onlyInAWatch,
    watch: { script: event('ERROR', statusOf(410, 'too old')), open: true },
    strike: (watch, fake) => {
      fake.objects().compact();
      watch.event('ERROR', statusOf(410, 'too old'));
    },
    times: 1,
  },
  '410 as status': {
    reasons: ['expired', 'expired', 'expired'],
    list: { status: 410 },
    watch: { status: 410 },
    times: 1,
  },
  '429 + Retry-After': {
    reasons: ['http_429', 'http_429', 'http_429'],
    list: { status: 429, headers: { 'retry-after': '2' } },
    watch: { status: 429, headers: { 'retry-after': '2' } },
  },
  '500 as event': {
    reasons: ['', 'event_500', 'event_500'],
    list: onlyInAWatch,
    watch: { script: event('ERROR', statusOf(500, 'etcd is away')), open: true },
    strike: (watch) => {
      watch.event('ERROR', statusOf(500, 'etcd is away'));
    },
  },
  '503': {
    reasons: ['http_503', 'http_503', 'http_503'],
    list: { status: 503 },
    watch: { status: 503 },
  },
  'bad line': {
    reasons: ['bad_list', 'bad_line', 'bad_line'],
    list: { script: '{"metadata":{"resourceVersion":"1"},"items":[{"oops\n' },
    watch: { script: `${neverThere.slice(0, -9)}}\n`, open: true },
    strike: (watch) => {
      watch.write(`${neverThere.slice(0, -9)}}\n`);
    },
  },
  'half a line': {
    reasons: ['bad_list', 'half_line', 'half_line'],
    list: { script: '{"metadata":{"resourceVersion":"1"},"items":[{"metadata":{"name":"a"' },
    watch: { script: neverThere },
    strike: (watch) => {
      watch.write(neverThere);
      watch.end();
    },
  },
  'slow list': {
    reasons: ['silent', '', 'expired,silent'],
    list: { script: '{"metadata":{"resourceVersion":"1"},"items":[', open: true },
    watch: onlyInAList,
    strike: (watch, fake) => {
      fake.objects().compact();
      watch.event('ERROR', statusOf(410, 'too old'));
      faultNext(fake, 'list', { script: '{"items":[', open: true }, 1);
    },
    times: 1,
  },
  'duplicate event': {
    reasons: ['', 'silent', ''],
    list: onlyInAWatch,
    watch: { script: event('ADDED', versioned(1)) + event('ADDED', versioned(1)), open: true },
    strike: (watch, fake) => {
      const { type, object } = fake.objects().changes.at(-1) ?? { type: 'ADDED', object: ghost };
      watch.event(type, object);
      watch.event(type, object);
    },
    times: 1,
  },
  'event after delete': {
    reasons: ['', 'silent', ''],
    list: onlyInAWatch,
    watch: { script: event('MODIFIED', versioned(1)), open: true },
    strike: (watch, fake) => {
      fake.put(ghost);
      const { version } = fake.objects();
      fake.remove('metadata-ghost');
      watch.event('MODIFIED', versioned(version));
    },
    times: 1,
  },
};

/** Why there is no such cell; `undefined` if there is. */
export function meaningless(fault: Fault, phase: FaultPhase): string | undefined {
  const reaction = phase === 'before' ? fault.list : fault.watch;
  if (phase === 'after' && fault.strike !== undefined) return undefined;
  return typeof reaction === 'string' ? reaction : undefined;
}

/** Lets the next calls of a kind meet a reaction; how many of them are still to come. */
export function faultNext(
  fake: FakeApiServer,
  kind: ApiCall['kind'],
  reaction: ApiReaction,
  times: number,
): () => number {
  let left = times;
  fake.react = (call) => {
    if (call.kind !== kind || left === 0) return undefined;
    left -= 1;
    return reaction;
  };
  return () => left;
}
