import { systemClock, type Clock } from '../clock';

/**
 * A clock for tests over real sockets: runs `factor` times as fast as the system's, so that limits and
 * intervals keep their order and cost little.
 */
export function scaledClock(factor: number): Clock {
  const startedAt = systemClock.now();
  return {
    now: () => startedAt + (systemClock.now() - startedAt) * factor,
    schedule: (delayMs, callback, inBackground) =>
      systemClock.schedule(delayMs / factor, callback, inBackground),
  };
}
