import type { Clock } from '@movies/time';
import type { Logger } from 'pino';

const checkMs = 1000;
const repeatMs = 60_000;

/** An error of ours that lasts. */
export interface Failure {
  readonly code: string;
  readonly message: string;
}

export interface FailureLogOptions {
  /** What fails now. */
  readonly failures: () => readonly Failure[];
  /** What to say of it, in front of its message. */
  readonly begins: string;
  /** What to say when it is over. */
  readonly ends: string;
  readonly logger: Logger;
  readonly clock: Clock;
}

/**
 * Warns when something begins to fail, then once a minute while it does, and tells when it is over:
 * an outage must be seen, and must not fill the log. Returns its stop.
 */
export function logFailures(options: FailureLogOptions): () => void {
  const { failures, begins, ends, logger, clock } = options;
  let cancel: () => void;
  let isOpen = false;
  // Kept when the failure is over: one that comes and goes must not fill the log either.
  let warnedAt = Number.NEGATIVE_INFINITY;
  const check = () => {
    const [err, ...others] = failures();
    if (err === undefined) {
      if (isOpen) logger.info(ends);
      isOpen = false;
    } else if (clock.now() - warnedAt >= repeatMs) {
      isOpen = true;
      warnedAt = clock.now();
      const more = others.length === 0 ? '' : ` (and ${others.length} more)`;
      logger.warn({ code: err.code }, `${begins}: ${err.message}${more}`);
    }
    cancel = clock.schedule(checkMs, check);
  };
  cancel = clock.schedule(0, check);
  return () => {
    cancel();
  };
}
