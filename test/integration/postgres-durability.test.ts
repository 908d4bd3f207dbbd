import { killServiceProcesses, ServiceProcess } from '../system/service-process';
import { finalVotes, makeVotes, meanOf, VoteRun } from '../system/vote-run';
import { describeWithPostgres, PostgresServer } from './postgres-server';

describeWithPostgres('votes on a real PostgreSQL', (programs) => {
  let server: PostgresServer;

  beforeAll(async () => {
    server = await PostgresServer.start(programs);
  });

  afterAll(async () => {
    await killServiceProcesses();
    await server.close();
  });

  it('are all there after 10,000 PUTs in which rating and PostgreSQL are killed twice each', async () => {
    const url = server.createDatabase();
    const start = (port: number) =>
      new ServiceProcess({
        script: 'services/rating/src/main.ts',
        args: ['--registry', 'memory:', '--port', String(port), '--database', url],
        env: { LOG_LEVEL: 'warn' },
      });
    let rating = new ServiceProcess({
      script: 'services/rating/src/main.ts',
      args: ['--registry', 'memory:', '--port', '0', '--database', url],
    });
    const port = await rating.port();
    const votes = makeVotes(10_000);
    const run = new VoteRun(() => port, votes);
    for (const [killed, count] of [
      ['rating', 2000],
      ['PostgreSQL', 4000],
      ['rating', 6000],
      ['PostgreSQL', 8000],
    ] as const) {
      await run.reached(count);
      if (killed === 'rating') {
        rating.signal('SIGKILL');
        await rating.exited;
        rating = start(port);
      } else {
        await server.kill();
        await server.start();
      }
    }
    await run.done;
    expect(run.unexpected).toEqual([]);
    const kept = server.sql('SELECT user_id, value FROM rating.votes', url);
    expect(kept.sort()).toEqual(finalVotes(votes));
    expect(server.sql('SELECT votes, sum FROM rating.tallies', url)).toEqual(
      server.sql('SELECT count(*), sum(value) FROM rating.votes', url),
    );
    const response = await fetch(`http://127.0.0.1:${port}/rating?id=1&type=movie`);
    expect(await response.json()).toBe(meanOf(votes));
    rating.signal('SIGTERM');
    expect(await rating.exited).toBe(0);
  }, 180_000);
});
