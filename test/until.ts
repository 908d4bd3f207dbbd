import { isDeepStrictEqual } from 'node:util';

/** Asks again and again: for what another process or a cluster knows, and tells only when it is asked. */
export async function until(
  isSo: () => Promise<boolean> | boolean,
  limitMs = 15_000,
  everyMs = 50,
): Promise<void> {
  const deadline = performance.now() + limitMs;
  while (!(await isSo())) {
    if (performance.now() > deadline) throw new Error(`not so within ${limitMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}

/** The same for a value, and a difference in the message if it does not come to be. */
export async function untilEqual<T>(
  actual: () => Promise<T> | T,
  expected: T,
  limitMs = 15_000,
): Promise<void> {
  const deadline = performance.now() + limitMs;
  let value = await actual();
  while (!isDeepStrictEqual(value, expected) && performance.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    value = await actual();
  }
  expect(value).toEqual(expected);
}
