import type { Clock, DiscoveryError } from '@movies/discovery';
import type { Logger } from 'pino';

const checkMs = 1000;
const repeatMs = 60_000;

export interface FailureLogOptions {
  /** What fails now. */
  readonly failures: () => readonly DiscoveryError[];
  readonly logger: Logger;
  readonly clock: Clock;
}

/**
 * Warns when the registry begins to fail, then once a minute while it does, and tells when it is over:
 * an outage must be seen, and must not fill the log. Returns its stop.
 */
export function logFailures({ failures, logger, clock }: FailureLogOptions): () => void {
  let cancel: () => void;
  let isOpen = false;
  // Kept when it is over: a registry that comes and goes must not fill the log either.
  let warnedAt = Number.NEGATIVE_INFINITY;
  const check = () => {
    const [err, ...others] = failures();
    if (err === undefined) {
      if (isOpen) logger.info('the registry answers again');
      isOpen = false;
    } else if (clock.now() - warnedAt >= repeatMs) {
      isOpen = true;
      warnedAt = clock.now();
      const more = others.length === 0 ? '' : ` (and ${others.length} more)`;
      logger.warn({ code: err.code }, `the registry does not answer: ${err.message}${more}`);
    }
    cancel = clock.schedule(checkMs, check);
  };
  cancel = clock.schedule(0, check);
  return () => {
    cancel();
  };
}
