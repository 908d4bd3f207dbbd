/** Throws a `RangeError` that names `name` unless `ms` is a number of milliseconds from 0 to `Infinity`, or absent. */
export function checkDuration(name: string, ms: number | undefined): void {
  if (ms === undefined || ms >= 0) return;
  throw new RangeError(`'${name}' is a time in milliseconds, 0 or more, and not ${ms}`);
}
