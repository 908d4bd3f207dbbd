import { DiscoveryError } from '@movies/discovery';
import { ManualClock } from '@movies/time/testing';
import pino from 'pino';
import { logFailures } from './failure-log';

function start() {
  const clock = new ManualClock();
  const lines: string[] = [];
  const logger = pino(
    { base: null },
    {
      write: (line) => {
        const { level, msg } = JSON.parse(line) as { level: number; msg: string };
        lines.push(`${pino.levels.labels[level]}: ${msg}`);
      },
    },
  );
  const failures: DiscoveryError[] = [];
  const stop = logFailures({
    failures: () => failures,
    begins: 'the registry does not answer',
    ends: 'the registry answers again',
    logger,
    clock,
  });
  return { clock, lines, failures, stop };
}

const down = (what: string) => new DiscoveryError('registry_unavailable', what);

it('says nothing while all is well', async () => {
  const { clock, lines } = start();
  await clock.advance(600_000);
  expect(lines).toEqual([]);
});

it('warns once when it begins, then once a minute, and tells when it is over', async () => {
  const { clock, lines, failures } = start();
  failures.push(down('no route'), down('no route either'));
  await clock.advance(150_000);
  const warning = 'warn: the registry does not answer: no route (and 1 more)';
  expect(lines).toEqual([warning, warning, warning]);
  failures.length = 0;
  await clock.advance(150_000);
  expect(lines.slice(3)).toEqual(['info: the registry answers again']);
});

it('leaves no timer when it is stopped', async () => {
  const { clock, stop } = start();
  await clock.advance(5000);
  stop();
  stop();
  expect(clock.pending).toBe(0);
});
