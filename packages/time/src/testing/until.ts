/** Polls `isSo` once per turn of the event loop until it returns true; rejects after 5 s. For tests. */
export async function until(isSo: () => boolean): Promise<void> {
  const deadline = performance.now() + 5000;
  while (!isSo()) {
    if (performance.now() > deadline) throw new Error('it did not come to be within 5 s');
    await new Promise(setImmediate);
  }
}
