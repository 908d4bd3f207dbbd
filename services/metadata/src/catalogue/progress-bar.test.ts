import { PassThrough } from 'node:stream';
import { ManualClock } from '@movies/time/testing';
import { ProgressBar } from './progress-bar';

function bar(isTTY: boolean) {
  const clock = new ManualClock();
  const output = Object.assign(new PassThrough({ encoding: 'utf8' }), { isTTY });
  return {
    clock,
    progress: new ProgressBar({ output, clock }),
    drawn: () => String(output.read() ?? ''),
  };
}

it('draws how far it is, and no bar where the end is not known', async () => {
  const { clock, progress, drawn } = bar(true);
  progress.show(0.5, '7 read');
  expect(drawn()).toBe(`\r\x1b[K[${'='.repeat(15)}${' '.repeat(15)}] 50 %  7 read`);
  await clock.advance(100);
  progress.show(1, '9 read');
  expect(drawn()).toBe(`\r\x1b[K[${'='.repeat(30)}] 100 % 9 read`);
  await clock.advance(100);
  progress.show(undefined, '9 read');
  expect(drawn()).toBe('\r\x1b[K9 read');
});

it('draws ten times a second at most', async () => {
  const { clock, progress, drawn } = bar(true);
  progress.show(0, '1');
  drawn();
  await clock.advance(99);
  progress.show(0, '2');
  expect(drawn()).toBe('');
  await clock.advance(1);
  progress.show(0, '3');
  expect(drawn()).toMatch(/3$/);
});

it('puts a message in its place, and is drawn below', () => {
  const { progress, drawn } = bar(true);
  progress.show(undefined, '1');
  progress.print('line 7: is not JSON');
  progress.show(undefined, '2');
  progress.clear();
  progress.clear();
  expect(drawn()).toBe('\r\x1b[K1\r\x1b[Kline 7: is not JSON\n\r\x1b[K2\r\x1b[K');
});

it('writes nothing but messages where there is no terminal', () => {
  const { progress, drawn } = bar(false);
  progress.show(0.5, '7 read');
  progress.print('line 7: is not JSON');
  progress.clear();
  expect(drawn()).toBe('line 7: is not JSON\n');
});
