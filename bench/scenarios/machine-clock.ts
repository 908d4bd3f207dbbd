import { systemClock, type Clock } from '@movies/time';

/** Milliseconds of the machine's monotonic clock: the same in all processes, so that their moments can be compared. */
export function machineNow(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

export const machineClock: Clock = { ...systemClock, now: machineNow };
