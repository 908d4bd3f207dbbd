import { killServiceProcesses, ServiceProcess } from './service-process';

afterEach(killServiceProcesses);

/** All three, with a database that nobody serves. */
function startWithoutDatabase(): ServiceProcess {
  return new ServiceProcess({
    script: 'start.ts',
    env: {
      METADATA_PORT: '0',
      RATING_PORT: '0',
      MOVIE_PORT: '0',
      DATABASE_URL: 'postgres://me@127.0.0.1:1/movies',
    },
  });
}

const hasAddresses = (all: ServiceProcess) => all.lines.some(({ msg }) => msg.startsWith('Try:'));

it('says after 30 s which services are not ready and why, and waits on', async () => {
  const all = startWithoutDatabase();
  await all.ready();
  await all.errorOutput((text) => text.includes('Ctrl-C'), 60_000);
  expect(all.errors).toMatch(
    /^\nNot ready yet:\n {2}metadata {2}the database is not ready: .*ECONNREFUSED.*\n {2}rating {4}the database is not ready: .*\nThe addresses follow/,
  );
  expect(hasAddresses(all)).toBe(false);
  all.signal('SIGINT');
  expect(await all.exited).toBe(0);
}, 90_000);

it('stops on Ctrl-C while it waits, without a word on standard error', async () => {
  const all = startWithoutDatabase();
  await all.ready();
  all.signal('SIGINT');
  expect(await all.exited).toBe(0);
  expect(all.errors).toBe('');
  expect(hasAddresses(all)).toBe(false);
});
