/** Throws a `RangeError` that names `name` unless `count` is a whole number from `least` on, or absent. */
export function checkCount(name: string, count: number | undefined, least = 1): void {
  if (count === undefined || (Number.isSafeInteger(count) && count >= least)) return;
  throw new RangeError(`'${name}' is a whole number from ${least} on, and not ${shown(count)}`);
}

/** Throws a `RangeError` that names `name` unless `value` is a number from `least` to `most`, or absent. */
export function checkNumber(
  name: string,
  value: number | undefined,
  least: number,
  most: number,
): void {
  if (value === undefined) return;
  if ((typeof value as unknown) === 'number' && value >= least && value <= most) return;
  throw new RangeError(`'${name}' is a number from ${least} to ${most}, and not ${shown(value)}`);
}

/** Throws a `RangeError` that names `name` if `ms` is `Infinity`, where a time that never ends has no meaning. */
export function checkFinite(name: string, ms: number | undefined): void {
  if (ms !== Infinity) return;
  throw new RangeError(`'${name}' is a time in milliseconds that ends, and not Infinity`);
}

/** Throws a `TypeError` that names `name` unless `value` is a function, or absent. */
export function checkFunction(name: string, value: unknown): void {
  if (value === undefined || typeof value === 'function') return;
  throw new TypeError(`'${name}' is a function, and not ${shown(value)}`);
}

/** Throws a `TypeError` that names the first option which `known` does not have: a misspelled option has no effect. */
export function checkNames(known: readonly string[], options: object, within = ''): void {
  const unknown = Object.keys(options).find((name) => !known.includes(name));
  if (unknown === undefined) return;
  throw new TypeError(`there is no option '${within}${unknown}': known are ${known.join(', ')}`);
}

function shown(value: unknown): string {
  return typeof value === 'string' ? `the text '${value}'` : String(value);
}
