/** Throws a `RangeError` that names `name` unless `ms` is a number of milliseconds from 0 to `Infinity`, or absent. */
export function checkDuration(name: string, ms: number | undefined): void {
  // Plain JavaScript may give a text, as an environment variable is one.
  if (ms === undefined || ((typeof ms as unknown) === 'number' && ms >= 0)) return;
  throw new RangeError(`'${name}' is a time in milliseconds, 0 or more, and not ${describe(ms)}`);
}

function describe(value: unknown): string {
  return typeof value === 'string' ? `the text '${value}'` : String(value);
}
