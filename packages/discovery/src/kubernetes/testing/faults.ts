import { statusOf } from '../../testing/api-documents';
import type { OpenWatch } from '../../testing/api-watch';
import type { ApiCall, ApiReaction, FakeApiServer } from '../../testing/fake-api-server';
import { sliceOf } from '../../testing/slices';

/** When a fault begins: with the first list; with the first watch, the list being known; in a watch that lives. */
export const faultPhases = ['before', 'during', 'after'] as const;
export type FaultPhase = (typeof faultPhases)[number];

/** What a request meets. */
type Reaction = ApiReaction | ((call: ApiCall, fake: FakeApiServer) => ApiReaction | undefined);

/** What a cell's access gives for a request, where that is not always the same. */
export interface ChangingAccess {
  readonly server?: string;
  readonly token?: string;
  readonly ca?: readonly string[];
}

/** A fault, as it looks to each kind of request; a text says why it has no meaning there. */
export interface Fault {
  readonly list: Reaction | string;
  readonly watch: Reaction | string;
  /** What happens to an open watch; by default it ends. Every request after it meets the fault. */
  readonly strike?: (watch: OpenWatch, fake: FakeApiServer) => void;
  /** The reasons of the failures that it causes in each phase: proof that it was met. '' if it causes none. */
  readonly reasons: readonly [before: string, during: string, after: string];
  /** Why it strikes in no other phase than the last. */
  readonly onlyAfter?: string;
  /** Fifteen minutes by default. */
  readonly lastsMs?: number;
  /** A request that meets it is sent once more at once. */
  readonly isAskedTwice?: true;
  /** It breaks the connection that others share over HTTP/2. */
  readonly breaksConnection?: true;
  /** What the access is at a request of any service. */
  readonly access?: (fake: FakeApiServer) => ChangingAccess;
}

const ghost = sliceOf('metadata', ['10.9.9.9'], { name: 'metadata-ghost' });
const onlyInAWatch = 'a list has no events';
const onlyInAList = 'a watch has no length';
const onlyWithAVersion = 'a list of another server asks for no version of the one before';
const afterExpiry = 'the list follows a watch whose version has expired';
/** No test ever puts it on the server: whatever shows it took a broken line for an event. */
const neverThere = sliceOf('metadata', ['10.8.8.8'], { name: 'metadata-never' });
const halfLine = JSON.stringify({ type: 'ADDED', object: neverThere });
const badLine = `${halfLine.slice(0, -9)}}\n`;
const error = (code: number, message: string) => event('ERROR', statusOf(code, message));
const tooOld = error(410, 'too old resource version');
const tooMany = event('ERROR', {
  ...statusOf(429, 'too many requests'),
  details: { retryAfterSeconds: 2 },
});

function event(type: string, object: unknown): string {
  return `${JSON.stringify({ type, object })}\n`;
}

function versioned(version: number) {
  return { ...ghost, metadata: { ...ghost.metadata, resourceVersion: String(version) } };
}

/** A change of what is there, without its fields: taken for a slice, it has no endpoints. */
function noSlice(fake: FakeApiServer): string {
  const resourceVersion = String(fake.objects().version + 1);
  return event('MODIFIED', { metadata: { name: 'metadata-c', resourceVersion } });
}

/** What a watch of the Service is about. */
const ofMetadata = {
  namespace: 'default',
  labelSelector: 'kubernetes.io/service-name=metadata',
  fieldSelector: undefined,
};

/** How many watches of the Service were asked for. */
function watchesOf({ calls }: FakeApiServer): number {
  return calls.filter(
    ({ kind, query }) =>
      kind === 'watch' && query.get('labelSelector') === ofMetadata.labelSelector,
  ).length;
}

function tokenOf(fake: FakeApiServer): string {
  return `token-${watchesOf(fake)}`;
}

/** The watch's version expires, and so does every one after it. */
function expire(watch: OpenWatch, fake: FakeApiServer): void {
  fake.objects().compact();
  watch.event('ERROR', statusOf(410, 'too old resource version'));
}

/** Each fault by its name in the table. */
export const faults: Readonly<Record<string, Fault>> = {
  silent: {
    reasons: ['timeout', 'timeout', 'silent,timeout'],
    list: { drop: 'hang' },
    watch: { drop: 'hang' },
    strike: (watch) => {
      watch.mute();
    },
  },
  reset: {
    reasons: ['lost', 'lost', 'lost'],
    list: { drop: 'reset' },
    watch: { drop: 'reset' },
    strike: (watch) => {
      watch.reset();
    },
    breaksConnection: true,
  },
  GOAWAY: {
    reasons: ['', '', ''],
    list: sendAway,
    watch: sendAway,
    strike: (_, fake) => {
      fake.goaway();
    },
  },
  'late headers': {
    reasons: ['', '', ''],
    list: onlyInAWatch,
    watch: { holdHeaders: true },
  },
  'clean close': {
    reasons: ['bad_list', 'short_watch', 'short_watch'],
    list: { script: '' },
    watch: { script: '' },
  },
  'short watch, with events': {
    reasons: ['', '', ''],
    // Ten requests a second.
    lastsMs: 60_000,
    list: onlyInAWatch,
    watch: ({ query }, fake) => {
      fake.put(sliceOf('metadata', ['10.0.0.7'], { name: 'metadata-c' }));
      const past = fake.objects().after(Number(query.get('resourceVersion')), ofMetadata) ?? [];
      return { script: past.map(({ type, object }) => event(type, object)).join('') };
    },
  },
  '401': {
    reasons: ['http_401', 'http_401', 'http_401'],
    isAskedTwice: true,
    list: { status: 401 },
    watch: { status: 401 },
  },
  '403': {
    reasons: ['http_403', 'http_403', 'http_403'],
    list: { status: 403 },
    watch: { status: 403 },
  },
  'the access moves': {
    reasons: ['', 'moved,short_watch', 'moved,short_watch'],
    list: onlyWithAVersion,
    watch: { script: '' },
    // With each watch to another way to the same objects, as from the server to a gateway in front of it.
    access: (fake) => ({ server: `${fake.url}${watchesOf(fake) % 2 === 0 ? '' : '/gateway'}` }),
  },
  'other credentials': {
    reasons: ['', 'short_watch', 'short_watch'],
    list: onlyInAWatch,
    watch: (_, fake) => {
      fake.tokens = new Set([tokenOf(fake)]);
      return { script: '' };
    },
    strike: (watch, fake) => {
      fake.tokens = new Set([tokenOf(fake)]);
      watch.end();
    },
    // Another token and other certificates with each watch.
    access: (fake) => ({
      token: tokenOf(fake),
      ca: watchesOf(fake) % 2 === 0 ? [fake.ca] : [fake.ca, fake.ca],
    }),
  },
  '410 as event': {
    reasons: ['', 'expired', 'expired'],
    list: onlyInAWatch,
    watch: { script: tooOld, open: true },
    strike: expire,
  },
  '410 as status': {
    reasons: ['expired', 'expired', 'expired'],
    list: { status: 410 },
    watch: { status: 410 },
  },
  '410, then a cache that lags': {
    reasons: ['', '', 'expired,version_too_large'],
    list: ({ query }) => {
      const body = JSON.stringify(statusOf(504, 'Timeout: Too large resource version'));
      return query.has('resourceVersionMatch') ? { status: 504, body } : undefined;
    },
    watch: onlyInAList,
    strike: expire,
    onlyAfter: afterExpiry,
  },
  '410, then an old cache': {
    reasons: ['', '', 'expired,went_back'],
    list: ({ query }) => {
      const list = { metadata: { resourceVersion: '9' }, items: [neverThere] };
      return query.has('resourceVersionMatch') ? { script: JSON.stringify(list) } : undefined;
    },
    watch: onlyInAList,
    strike: expire,
    onlyAfter: afterExpiry,
  },
  '429 + Retry-After': {
    reasons: ['http_429', 'http_429', 'http_429'],
    list: { status: 429, headers: { 'retry-after': '2' } },
    watch: { status: 429, headers: { 'retry-after': '2' } },
  },
  '429 as event': {
    reasons: ['', 'event_429', 'event_429'],
    list: onlyInAWatch,
    watch: { script: tooMany, open: true },
    strike: (watch) => {
      watch.write(tooMany);
    },
  },
  '504 as event, of a cache that lags': {
    reasons: ['', 'version_too_large', 'version_too_large'],
    list: onlyInAWatch,
    watch: { script: error(504, 'Timeout: Too large resource version'), open: true },
    strike: (watch) => {
      watch.event('ERROR', statusOf(504, 'Timeout: Too large resource version'));
    },
  },
  '500 as event': {
    reasons: ['', 'event_500', 'event_500'],
    list: onlyInAWatch,
    watch: { script: error(500, 'etcd is away'), open: true },
    strike: (watch) => {
      watch.event('ERROR', statusOf(500, 'etcd is away'));
    },
  },
  '500 at one version': {
    reasons: ['', 'event_500', 'event_500'],
    list: onlyInAWatch,
    // What happened up to here cannot be told, for ever.
    watch: ({ query }, fake) =>
      Number(query.get('resourceVersion')) < fake.objects().version
        ? { script: error(500, 'etcd event received with PrevKv=nil') }
        : undefined,
  },
  '500 at one version, after a bookmark': {
    reasons: ['', 'event_500', 'event_500'],
    list: onlyInAWatch,
    // The bookmark is true, and what happened after it cannot be told, for ever.
    watch: ({ query }, fake) => {
      const version = Number(query.get('resourceVersion'));
      return version < fake.objects().version
        ? { script: event('BOOKMARK', versioned(version)) + error(500, 'no event to be had') }
        : undefined;
    },
  },
  '503': {
    reasons: ['http_503', 'http_503', 'http_503'],
    list: { status: 503 },
    watch: { status: 503 },
  },
  'a page of a proxy': {
    reasons: ['bad_list', 'bad_line', 'bad_line'],
    list: { script: '<html>\n<h1>Sign in</h1>\n</html>\n' },
    watch: { script: '<html>\n<h1>Sign in</h1>\n</html>\n' },
  },
  'bad line': {
    reasons: ['bad_list', 'bad_line', 'bad_line'],
    list: { script: '{"metadata":{"resourceVersion":"1"},"items":[{"oops\n' },
    watch: { script: badLine, open: true },
    strike: (watch) => {
      watch.write(badLine);
    },
  },
  'objects that are no slices': {
    reasons: ['bad_list', 'bad_line', 'bad_line'],
    list: { script: '{"metadata":{"resourceVersion":"1"},"items":[{"metadata":{"name":"a"}}]}' },
    watch: (_, fake) => ({ script: noSlice(fake), open: true }),
    strike: (watch, fake) => {
      watch.write(noSlice(fake));
    },
  },
  'version 0': {
    reasons: ['bad_list', 'bad_line', 'bad_line'],
    list: { script: JSON.stringify({ metadata: { resourceVersion: '0' }, items: [neverThere] }) },
    watch: { script: event('BOOKMARK', versioned(0)), open: true },
    strike: (watch) => {
      watch.event('BOOKMARK', versioned(0));
    },
  },
  'half a line': {
    reasons: ['bad_list', 'half_line', 'half_line'],
    list: { script: '{"metadata":{"resourceVersion":"1"},"items":[{"metadata":{"name":"a"' },
    watch: { script: halfLine },
    strike: (watch) => {
      watch.write(halfLine);
      watch.end();
    },
  },
  'slow list': {
    reasons: ['silent', '', 'expired,silent'],
    list: { script: '{"metadata":{"resourceVersion":"1"},"items":[', open: true },
    watch: onlyInAList,
    strike: expire,
  },
  'duplicate event': {
    reasons: ['', 'silent', 'silent'],
    list: onlyInAWatch,
    watch: { script: event('ADDED', versioned(1)) + event('ADDED', versioned(1)), open: true },
    strike: (watch, fake) => {
      const { type, object } = fake.objects().changes.at(-1) ?? { type: 'ADDED', object: ghost };
      watch.event(type, object);
      watch.event(type, object);
      watch.end();
    },
  },
  'event after delete': {
    reasons: ['', 'silent', 'silent'],
    list: onlyInAWatch,
    watch: { script: event('MODIFIED', versioned(1)), open: true },
    strike: (watch, fake) => {
      fake.put(ghost);
      const { version } = fake.objects();
      fake.remove('metadata-ghost');
      watch.event('MODIFIED', versioned(version));
      watch.end();
    },
  },
};

/** Answers, and sends the client away: by GOAWAY, or as HTTP/1.1 does it. */
function sendAway({ httpVersion }: ApiCall, fake: FakeApiServer): ApiReaction {
  if (httpVersion !== '2.0') return { headers: { connection: 'close' } };
  setImmediate(() => {
    fake.goaway();
  });
  return {};
}

/** Which kind of request meets the fault in a phase; or why there is no such cell. */
export function struckIn(
  fault: Fault,
  phase: FaultPhase,
): { readonly kind: 'list' | 'watch'; readonly reaction: Reaction } | { readonly without: string } {
  const { list, watch, strike, onlyAfter } = fault;
  if (phase !== 'after' && onlyAfter !== undefined) return { without: onlyAfter };
  if (phase !== 'before' && typeof watch !== 'string') return { kind: 'watch', reaction: watch };
  const isListed = phase === 'before' || (phase === 'after' && strike !== undefined);
  if (isListed && typeof list !== 'string') return { kind: 'list', reaction: list };
  const without = phase === 'before' ? list : watch;
  return { without: typeof without === 'string' ? without : onlyInAWatch };
}
