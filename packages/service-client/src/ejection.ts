import type { Random } from '@movies/time';
import type { AttemptOutcome } from './attempt';

const failuresInRow = 5;
const refusedBaseMs = 1000;
const refusedMaxMs = 30_000;
const failedBaseMs = 30_000;
const failedMaxMs = 300_000;
const jitter = 0.2;
const windowMs = 10_000;
const windowMinimum = 20;
const windowFailureRate = 0.5;

/** What an attempt's end says of its instance. */
type Verdict = 'good' | 'failed' | 'refused' | 'nothing';

const verdicts: Record<AttemptOutcome, Verdict> = {
  ok: 'good',
  // It is there and says so itself: nothing to hold against it.
  overloaded: 'nothing',
  unavailable: 'failed',
  refused: 'refused',
  reset: 'failed',
  timeout: 'failed',
  bad_response: 'failed',
  aborted: 'nothing',
};

/**
 * Passive health of one instance. A refused connection sets it aside at once for a short time that
 * doubles; five failures in a row, or half of at least twenty calls in ten seconds, for a longer one that
 * grows. It comes back on probation: one call at a time, until one has gone well.
 */
export class Ejection {
  readonly #random: Random;
  #until = 0;
  #probation = false;
  #inRow = 0;
  #ejections = 0;
  #cleanSince = 0;
  #windowFrom = 0;
  #calls = 0;
  #failures = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  /** Set aside until this moment; in the past when it is not. */
  get until(): number {
    return this.#until;
  }

  /** Back from an ejection, and not yet proved. */
  get onProbation(): boolean {
    return this.#probation;
  }

  /**
   * Notes how a call ended; true if that set the instance aside. `mayEject` is asked only when it would.
   */
  record(outcome: AttemptOutcome, now: number, mayEject: () => boolean): boolean {
    const verdict = verdicts[outcome];
    if (verdict === 'nothing') return false;
    this.#forgive(now);
    if (now - this.#windowFrom > windowMs) {
      this.#windowFrom = now;
      this.#calls = 0;
      this.#failures = 0;
    }
    this.#calls += 1;
    if (verdict === 'good') {
      this.#succeed(now);
      return false;
    }
    this.#inRow += 1;
    this.#failures += 1;
    if (now < this.#until || !this.#isTooMuch(verdict) || !mayEject()) return false;
    this.#eject(verdict, now);
    return true;
  }

  #succeed(now: number): void {
    this.#inRow = 0;
    this.#probation = false;
    // A call that succeeds while set aside proves that it serves again.
    this.#until = Math.min(this.#until, now);
  }

  /** Every half minute without an ejection takes one off the count that makes the next one longer. */
  #forgive(now: number): void {
    const cleanIntervals = Math.floor((now - this.#cleanSince) / failedBaseMs);
    if (this.#ejections === 0 || cleanIntervals < 1) return;
    this.#ejections = Math.max(0, this.#ejections - cleanIntervals);
    this.#cleanSince += cleanIntervals * failedBaseMs;
  }

  #isTooMuch(verdict: 'failed' | 'refused'): boolean {
    return (
      verdict === 'refused' ||
      this.#probation ||
      this.#inRow >= failuresInRow ||
      (this.#calls >= windowMinimum && this.#failures >= this.#calls * windowFailureRate)
    );
  }

  #eject(verdict: 'failed' | 'refused', now: number): void {
    this.#ejections += 1;
    const [durationMs, maxMs] =
      verdict === 'refused'
        ? [refusedBaseMs * 2 ** (this.#ejections - 1), refusedMaxMs]
        : [failedBaseMs * this.#ejections, failedMaxMs];
    const spread = 1 + jitter * (2 * this.#random() - 1);
    this.#until = now + Math.min(maxMs, durationMs) * spread;
    this.#cleanSince = this.#until;
    this.#probation = true;
    this.#inRow = 0;
    this.#windowFrom = 0;
  }
}
