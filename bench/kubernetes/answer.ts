/** The child's side of `BenchProcess`: answers its questions, one after the other in the order of their coming. */
export function answer(
  answers: Readonly<Record<string, (() => unknown) | (() => Promise<unknown>)>>,
): void {
  process.on('message', (message) => {
    const { id, question } = message as { id: number; question: string };
    void Promise.resolve()
      .then(() => answers[question]?.())
      .then(
        (value) => process.send?.({ id, value }),
        (error: unknown) => process.send?.({ id, error: String(error) }),
      );
  });
  // Nobody is left to ask.
  process.once('disconnect', () => process.exit(1));
}
