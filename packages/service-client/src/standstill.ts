import type { Clock } from '@movies/time';

/** A timer that fires later than this shows that the process stood still. */
const lateMs = 50;

/**
 * Runs `callback` after `limitMs`, told whether this process stood still in the meantime. After a standstill Node runs
 * its timers before it reads its sockets, so that responses which came in time would be given up unread: then the
 * callback runs only when the sockets have been read. The returned function cancels it.
 */
export function scheduleLimit(
  clock: Clock,
  limitMs: number,
  callback: (stoodStill: boolean) => void,
): () => void {
  const dueAt = clock.now() + limitMs;
  let cancelReading: () => void = () => undefined;
  const cancelTimer = clock.schedule(Math.max(0, limitMs), () => {
    if (clock.now() - dueAt < lateMs) {
      callback(false);
      return;
    }
    cancelReading = afterReading(() => {
      callback(true);
    });
  });
  return () => {
    cancelTimer();
    cancelReading();
  };
}

/** Runs `callback` once this process has read its sockets. The returned function cancels it. */
export function afterReading(callback: () => void): () => void {
  const immediate = setImmediate(callback);
  return () => {
    clearImmediate(immediate);
  };
}
