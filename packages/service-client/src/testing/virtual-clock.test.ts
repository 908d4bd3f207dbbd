import fc from 'fast-check';
import { VirtualClock } from './virtual-clock';

it('runs timers in the order in which they are due, and those of one moment as they were made', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 20 })), (delays) => {
      const clock = new VirtualClock();
      const start = clock.now();
      const ran: [number, number][] = [];
      delays.forEach((delayMs, index) => {
        clock.schedule(delayMs, () => ran.push([clock.now() - start, index]));
      });
      clock.run(20);
      const expected = delays
        .map((delayMs, index): [number, number] => [delayMs, index])
        .sort(([a, i], [b, j]) => a - b || i - j);
      expect(ran).toEqual(expected);
      expect(clock.now() - start).toBe(20);
    }),
  );
});

it('runs what a timer schedules within the same time, and nothing that is cancelled', () => {
  const clock = new VirtualClock();
  const ran: string[] = [];
  const cancel = clock.schedule(10, () => ran.push('cancelled'));
  clock.schedule(5, () => {
    cancel();
    clock.schedule(5, () => ran.push('later'));
  });
  clock.schedule(Infinity, () => ran.push('never'));
  clock.run(9);
  expect(ran).toEqual([]);
  clock.run(1);
  expect(ran).toEqual(['later']);
});
