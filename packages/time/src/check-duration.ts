/** Throws a `RangeError` that names `name` unless `ms` is a number of milliseconds from 0 to `Infinity`, or absent. */
export function checkDuration(name: string, ms: number | undefined): void {
  // Plain JavaScript may give a text, as an environment variable is one.
  if (ms === undefined || ((typeof ms as unknown) === 'number' && ms >= 0)) return;
  throw refusal(name, '0 or more', ms);
}

/** The same for a time that repeats, or after which something ends: 0 would be a loop without a wait, or no time at all. */
export function checkPeriod(name: string, ms: number | undefined): void {
  if (ms === undefined || ((typeof ms as unknown) === 'number' && ms > 0)) return;
  throw refusal(name, 'more than 0', ms);
}

function refusal(name: string, expected: string, ms: number): RangeError {
  return new RangeError(
    `'${name}' is a time in milliseconds, ${expected}, and not ${describe(ms)}`,
  );
}

function describe(value: unknown): string {
  return typeof value === 'string' ? `the text '${value}'` : String(value);
}
