/**
 * For tests, and for what nobody tells: looks once a turn of the event loop until it is so, for at
 * most 5 s.
 */
export async function until(isSo: () => boolean): Promise<void> {
  const deadline = performance.now() + 5000;
  while (!isSo()) {
    if (performance.now() > deadline) throw new Error('it did not come to be within 5 s');
    await new Promise(setImmediate);
  }
}
