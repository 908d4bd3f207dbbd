import type { Clock } from '@movies/time';

/** A service that starts. */
export interface StartingService {
  readonly name: string;
  /** Resolves when it is ready for the first time. */
  readonly ready: Promise<void>;
  /** Why it is not ready, as `/readyz` says it; `undefined` when it is. */
  readonly unreadyBecause: string | undefined;
}

/** A service that is not ready in time, and why. */
export interface LateService {
  readonly name: string;
  readonly reason: string;
}

export interface AllReadyOptions {
  readonly clock: Clock;
  readonly lateAfterMs: number;
  /** Called once, if there are services that are not ready after `lateAfterMs`. */
  readonly onLate: (late: readonly LateService[]) => void;
}

/** Resolves when every service has become ready, however long that takes. */
export async function allReady(
  services: readonly StartingService[],
  { clock, lateAfterMs, onLate }: AllReadyOptions,
): Promise<void> {
  const cancel = clock.schedule(lateAfterMs, () => {
    const late = services.flatMap(({ name, unreadyBecause: reason }) =>
      reason === undefined ? [] : [{ name, reason }],
    );
    if (late.length > 0) onLate(late);
  });
  await Promise.all(services.map(({ ready }) => ready));
  cancel();
}
