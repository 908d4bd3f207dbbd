import { until, ManualClock } from '@movies/time/testing';
import { answer, hang, Origin } from '@movies/service-client/testing';
import { CatalogueError } from './catalogue-error';
import { MetadataServiceStore } from './metadata-service-store';

const film = { id: 'a,b', title: 'Alien', description: 'A ship.', director: 'Ridley Scott' };
const notStopped = new AbortController().signal;

let service: Origin;
let clock: ManualClock;
let store: MetadataServiceStore;
let url: string;
let retries: string[];

beforeEach(async () => {
  service = await Origin.listen('metadata');
  clock = new ManualClock();
  retries = [];
  url = `http://127.0.0.1:${service.instance().port}`;
  store = new MetadataServiceStore({
    url,
    patienceMs: 30_000,
    answerLimitMs: 10_000,
    clock,
    random: () => 1,
    onRetry: (reason) => retries.push(reason),
  });
});

afterEach(() => service.close());

const problem = (status: number, detail: string, headers: Record<string, string> = {}) =>
  answer(status, { headers, body: JSON.stringify({ status, detail }) });
const list = (items: unknown[]) =>
  answer(200, { body: JSON.stringify({ items, nextCursor: null }) });

/** Whatever it becomes, so that it is not an unhandled rejection until the test looks. */
async function outcomeOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.catch((error: unknown) => error);
}

it('asks for what is known, by id', async () => {
  service.behaviour = list([film]);
  const known = await store.known(['1', 'a,b'], notStopped);
  expect([...known]).toEqual([['a,b', film]]);
  expect(service.requests.map((request) => request.url)).toEqual(['/metadata?ids=1,a%252Cb']);
});

it('puts a film as JSON under its id', async () => {
  const bodies: string[] = [];
  service.behaviour = (request, response) => {
    request.on('data', (chunk: Buffer) => bodies.push(chunk.toString()));
    request.once('end', () => response.writeHead(204).end());
  };
  expect(await store.put(film, notStopped)).toBeUndefined();
  const [request] = service.requests;
  expect(request?.method).toBe('PUT');
  expect(request?.url).toBe('/metadata?id=a%2Cb');
  expect(request?.headers['content-type']).toBe('application/json');
  expect(JSON.parse(bodies.join(''))).toEqual(film);
});

it.each([400, 413])('tells why a film is refused with %d', async (status) => {
  service.behaviour = problem(status, 'the year is missing');
  expect(await store.put(film, notStopped)).toBe('the service refuses it: the year is missing');
  expect(service.requests).toHaveLength(1);
});

it('tries again after a 503, later each time, and not before it is asked to', async () => {
  service.behaviour = problem(503, 'not now');
  const putting = store.put(film, notStopped);
  const pauses: (number | undefined)[] = [];
  for (let tries = 1; tries <= 5; tries += 1) {
    if (tries === 5) service.behaviour = problem(503, 'not now', { 'retry-after': '9' });
    await until(() => retries.length === tries);
    pauses.push(clock.nextInMs);
    if (tries === 5) service.behaviour = answer(204);
    await clock.advance(clock.nextInMs ?? 0);
  }
  expect(await putting).toBeUndefined();
  expect(pauses).toEqual([250, 500, 1000, 2000, 9000]);
  expect(new Set(retries)).toEqual(new Set(['it answers 503: not now']));
});

it.each([429, 500, 502, 504])('tries again after a %d', async (status) => {
  service.behaviour = answer(status);
  const asking = store.known(['1'], notStopped);
  await until(() => retries.length === 1);
  service.behaviour = list([]);
  await clock.advance(250);
  expect((await asking).size).toBe(0);
  expect(retries).toEqual([`it answers ${status}: "ok"`]);
});

it('tries again when a connection breaks', async () => {
  service.behaviour = ({ socket }) => {
    socket.resetAndDestroy();
  };
  const putting = store.put(film, notStopped);
  await until(() => retries.length === 1);
  service.behaviour = answer(204);
  await clock.advance(250);
  expect(await putting).toBeUndefined();
  expect(retries).toEqual(['ECONNRESET']);
});

it('gives up in time where no service answers, and says which, why and what to do', async () => {
  await service.close();
  const startedAt = clock.now();
  let outcome: unknown;
  void outcomeOf(store.put(film, notStopped)).then((error) => (outcome = error));
  for (let tries = 1; outcome === undefined; tries += 1) {
    await until(() => retries.length === tries || outcome !== undefined);
    await clock.advance(clock.nextInMs ?? 0);
  }
  expect(clock.now() - startedAt).toBeLessThanOrEqual(30_000);
  expect(outcome).toBeInstanceOf(CatalogueError);
  expect((outcome as CatalogueError).code).toBe('service_unavailable');
  expect((outcome as CatalogueError).message).toBe(
    `the metadata service at ${url} could not be had for 30 s (ECONNREFUSED). ` +
      'Is it running, as `make start` runs it? Is it elsewhere (--url)?',
  );
});

it('stops waiting for another try at once', async () => {
  service.behaviour = answer(503);
  const stopping = new AbortController();
  const putting = outcomeOf(store.put(film, stopping.signal));
  await until(() => retries.length === 1);
  stopping.abort(new Error('stopped'));
  expect(await putting).toEqual(new Error('stopped'));
  expect(clock.pending).toBe(0);
});

it.each([
  ['no path of it', answer(404)],
  ['another page', answer(200, { body: '<html>' })],
  ['another list', answer(200, { body: '{"items":[{}],"nextCursor":null}' })],
  ['what does not know of ids yet', problem(400, 'id is missing')],
])('says so where %s answers', async (_what, behaviour) => {
  service.behaviour = behaviour;
  const outcome = await outcomeOf(store.known(['1'], notStopped));
  expect((outcome as CatalogueError).code).toBe('service_unknown');
  expect((outcome as CatalogueError).message).toContain(url);
  const refused = await outcomeOf(
    store
      .put(film, notStopped)
      .then((refusal) => new CatalogueError('service_unknown', String(refusal))),
  );
  expect((refused as CatalogueError).code).toBe('service_unknown');
});

it('tries again where no answer comes', async () => {
  service.behaviour = hang;
  const putting = store.put(film, notStopped);
  await service.asked(1);
  service.behaviour = answer(204);
  await clock.advance(10_000);
  await until(() => retries.length === 1);
  await clock.advance(250);
  expect(await putting).toBeUndefined();
  expect(retries).toEqual(['no answer within 10 s']);
  expect(clock.pending).toBe(0);
});
