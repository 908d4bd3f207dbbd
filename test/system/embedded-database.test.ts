import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { killServiceProcesses, ServiceProcess } from './service-process';
import { makeVotes, meanOf, VoteRun } from './vote-run';

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'movies-data-'));
});

afterAll(async () => {
  await killServiceProcesses();
  rmSync(folder, { recursive: true });
});

const startRating = (port: number) =>
  new ServiceProcess({
    script: 'services/rating/src/main.ts',
    args: ['--registry', 'memory:', '--port', String(port), '--database', `file:${folder}`],
  });

it('keeps every vote that was acknowledged, also when it is killed in the middle', async () => {
  let rating = startRating(0);
  const port = await rating.port();
  await rating.ready();
  const votes = makeVotes(1500);
  const run = new VoteRun(() => port, votes);
  for (const count of [500, 1000]) {
    await run.reached(count);
    rating.signal('SIGKILL');
    await rating.exited;
    // Its lock went with it.
    rating = startRating(port);
  }
  await run.done;
  expect(run.unexpected).toEqual([]);
  const response = await fetch(`http://127.0.0.1:${port}/rating?id=1&type=movie`);
  expect(await response.json()).toBe(meanOf(votes));

  const second = startRating(0);
  expect(await second.exited).toBe(1);
  expect(second.errors).toBe(
    `Could not start: the database in ${path.join(folder, 'rating')} is in use by another process: ` +
      'stop that one, or give another folder\n',
  );
  rating.signal('SIGTERM');
  expect(await rating.exited).toBe(0);
}, 120_000);

it('keeps the votes of all three in one process over a restart', async () => {
  const startAll = async () => {
    const all = new ServiceProcess({
      script: 'start.ts',
      args: ['--database', `file:${folder}`],
      env: { METADATA_PORT: '0', RATING_PORT: '0', MOVIE_PORT: '0' },
    });
    await all.line(({ msg }) => msg === 'Ctrl-C stops all three.', 60_000);
    const [rating, movie] = [await all.port('rating'), await all.port('movie')];
    return { all, rating: `http://127.0.0.1:${rating}`, movie: `http://127.0.0.1:${movie}` };
  };
  const first = await startAll();
  const vote = '/rating?id=2&type=movie&userId=ann&value=5';
  expect((await fetch(first.rating + vote, { method: 'PUT' })).status).toBe(204);
  first.all.signal('SIGINT');
  expect(await first.all.exited).toBe(0);
  const second = await startAll();
  const response = await fetch(`${second.movie}/movie?id=2`);
  expect(await response.json()).toMatchObject({ rating: 5, metadata: { id: '2' } });
  second.all.signal('SIGTERM');
  expect(await second.all.exited).toBe(0);
}, 120_000);
