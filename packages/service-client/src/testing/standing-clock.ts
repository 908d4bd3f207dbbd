import { ManualClock } from '@movies/time/testing';

/** Time stands until a test moves it; only what is due at once needs no move. */
export class StandingClock extends ManualClock {
  override schedule(delayMs: number, callback: () => void): () => void {
    if (delayMs > 0) return super.schedule(delayMs, callback);
    const immediate = setImmediate(callback);
    return () => {
      clearImmediate(immediate);
    };
  }
}
