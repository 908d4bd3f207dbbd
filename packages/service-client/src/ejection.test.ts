import type { AttemptOutcome } from './attempt';
import { Ejection } from './ejection';

const start = 1_000_000;
const half = () => 0.5;

/** A health record at a time that the test moves; `random` is 0.5, which is no jitter. */
class Patient {
  readonly ejection: Ejection;
  now = start;

  constructor(random = half) {
    this.ejection = new Ejection(random);
  }

  record(outcome: AttemptOutcome, times = 1, mayEject = true): void {
    for (let i = 0; i < times; i++) this.ejection.record(outcome, this.now, () => mayEject);
  }

  /** How long it is still set aside. */
  get leftMs(): number {
    return Math.max(0, this.ejection.until - this.now);
  }

  /** Sets it aside by one failure, `lastedMs` after it came back, and says for how long. */
  again(outcome: AttemptOutcome): number {
    this.now += this.leftMs;
    this.record(outcome);
    return this.leftMs;
  }
}

test('a refused connection sets it aside at once, for one second', () => {
  const patient = new Patient();
  patient.record('refused');
  expect(patient.leftMs).toBe(1000);
});

test('each further refusal doubles the time, up to 30 seconds', () => {
  const patient = new Patient();
  const times = Array.from({ length: 7 }, () => patient.again('refused'));
  expect(times).toEqual([1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
});

test.each(['unavailable', 'reset', 'timeout', 'bad_response'] as const)(
  'five in a row that ended as %s set it aside, four do not',
  (outcome) => {
    const patient = new Patient();
    patient.record(outcome, 4);
    expect(patient.leftMs).toBe(0);
    patient.record(outcome);
    expect(patient.leftMs).toBe(30_000);
  },
);

test('a success in between begins the row anew', () => {
  const patient = new Patient();
  patient.record('reset', 4);
  patient.record('ok');
  patient.record('reset', 4);
  expect(patient.leftMs).toBe(0);
});

test.each(['overloaded', 'aborted'] as const)('%s says nothing of its health', (outcome) => {
  const patient = new Patient();
  patient.record(outcome, 100);
  expect(patient.leftMs).toBe(0);
});

/** Failures and successes by turns, so that no row grows. */
function alternate(patient: Patient, pairs: number): void {
  for (let i = 0; i < pairs; i++) {
    patient.record('ok');
    patient.record('unavailable');
  }
}

test('half of twenty calls in ten seconds set it aside', () => {
  const patient = new Patient();
  alternate(patient, 9);
  patient.record('ok');
  expect(patient.leftMs).toBe(0);
  patient.record('unavailable');
  expect(patient.leftMs).toBe(30_000);
});

test('less than half of twenty calls do not', () => {
  const patient = new Patient();
  patient.record('ok', 2);
  alternate(patient, 9);
  patient.record('unavailable');
  expect(patient.leftMs).toBe(0);
});

test('half of fewer than twenty do not, also when a failure was the last', () => {
  const patient = new Patient();
  for (let i = 0; i < 9; i++) {
    patient.record('unavailable');
    patient.record('ok');
  }
  patient.record('unavailable');
  expect(patient.leftMs).toBe(0);
});

test('calls of more than ten seconds ago do not count in the rate', () => {
  const patient = new Patient();
  alternate(patient, 9);
  patient.now += 10_001;
  alternate(patient, 1);
  expect(patient.leftMs).toBe(0);
});

test('it is not set aside when the others cannot do without it', () => {
  const patient = new Patient();
  patient.record('refused', 1, false);
  patient.record('reset', 100, false);
  expect(patient.leftMs).toBe(0);
});

test('whether the others can do without it is asked only when it would be set aside', () => {
  const mayEject = jest.fn(() => true);
  const ejection = new Ejection(half);
  for (let i = 0; i < 4; i++) ejection.record('reset', start, mayEject);
  expect(mayEject).not.toHaveBeenCalled();
  expect(ejection.record('reset', start, mayEject)).toBe(true);
  expect(mayEject).toHaveBeenCalledTimes(1);
});

test('calls that end while it is set aside make that no longer', () => {
  const patient = new Patient();
  patient.record('refused');
  patient.record('refused', 10);
  expect(patient.leftMs).toBe(1000);
});

test('it comes back on probation, and a success ends that', () => {
  const patient = new Patient();
  patient.record('refused');
  patient.now += 1000;
  expect(patient.ejection.onProbation).toBe(true);
  patient.record('ok');
  expect(patient.ejection.onProbation).toBe(false);
});

test('one failure on probation sets it aside again, for longer', () => {
  const patient = new Patient();
  patient.record('reset', 5);
  expect([patient.again('timeout'), patient.again('timeout')]).toEqual([60_000, 90_000]);
});

test('no time is longer than five minutes', () => {
  const patient = new Patient();
  patient.record('reset', 5);
  const times = Array.from({ length: 12 }, () => patient.again('reset'));
  expect(times.at(-1)).toBe(300_000);
});

test('an overloaded answer does not end the probation', () => {
  const patient = new Patient();
  patient.record('refused');
  patient.now += 1000;
  patient.record('overloaded');
  expect(patient.ejection.onProbation).toBe(true);
});

test('a success while it is set aside ends that at once', () => {
  const patient = new Patient();
  patient.record('refused');
  patient.record('ok');
  expect(patient.leftMs).toBe(0);
});

test('every clean half minute takes one off the count, whether called or not', () => {
  const patient = new Patient();
  for (let i = 0; i < 4; i++) patient.again('refused');
  patient.now += patient.leftMs;
  patient.record('ok');
  patient.now += 90_000;
  patient.record('refused');
  // The fifth would be 16 s; three half minutes make it the second.
  expect(patient.leftMs).toBe(2000);
});

test('times are spread by a fifth, so that many clients do not come back together', () => {
  const [low, high] = [new Patient(() => 0), new Patient(() => 0.999_999)];
  for (const patient of [low, high]) patient.record('reset', 5);
  expect(low.leftMs).toBeCloseTo(24_000);
  expect(high.leftMs).toBeCloseTo(36_000, -1);
});
