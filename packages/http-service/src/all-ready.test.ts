import { ManualClock } from '@movies/time/testing';
import { allReady, type StartingService } from './all-ready';

/** A service that is ready when the test says so. */
class StartingThing implements StartingService {
  readonly name: string;
  unreadyBecause: string | undefined;
  readonly ready: Promise<void>;
  becomeReady: () => void = () => undefined;

  constructor(name: string, unreadyBecause: string) {
    this.name = name;
    this.unreadyBecause = unreadyBecause;
    this.ready = new Promise((resolve) => {
      this.becomeReady = () => {
        this.unreadyBecause = undefined;
        resolve();
      };
    });
  }
}

function start() {
  const clock = new ManualClock();
  const services = [
    new StartingThing('a', 'the database is being prepared'),
    new StartingThing('b', 'starting'),
  ];
  const late: string[][] = [];
  let isReady = false;
  const done = allReady(services, {
    clock,
    lateAfterMs: 30_000,
    onLate: (unready) => late.push(unready.map(({ name, reason }) => `${name}: ${reason}`)),
  }).then(() => (isReady = true));
  return { clock, services, late, done, isReady: () => isReady };
}

it('resolves once all are ready, without a word if that is in time', async () => {
  const { clock, services, late, done, isReady } = start();
  services[1]?.becomeReady();
  await clock.advance(29_999);
  expect(isReady()).toBe(false);
  services[0]?.becomeReady();
  await done;
  await clock.advance(60_000);
  expect(late).toEqual([]);
  expect(clock.pending).toBe(0);
});

it('names once, with the reason, each that is late, and waits on', async () => {
  const { clock, services, late, done, isReady } = start();
  services[1]?.becomeReady();
  await clock.advance(30_000);
  expect(late).toEqual([['a: the database is being prepared']]);
  await clock.advance(600_000);
  expect(late).toHaveLength(1);
  expect(isReady()).toBe(false);
  services[0]?.becomeReady();
  await done;
});

it('names all that are late together', async () => {
  const { clock, late } = start();
  await clock.advance(30_000);
  expect(late).toEqual([['a: the database is being prepared', 'b: starting']]);
});
