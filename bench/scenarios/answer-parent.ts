export interface Question {
  readonly id: number;
  readonly question: string;
  readonly argument?: unknown;
}

export interface Answer {
  readonly id: number;
  readonly value?: unknown;
  readonly error?: string;
}

/** The options that the parent gave to this process (see `Child`). */
export function optionsFromParent(): unknown {
  return JSON.parse(process.argv[2] ?? '{}');
}

/** The child's side of `Child.ask`. The process ends when its parent does. */
export function answerParent(
  answers: Readonly<Record<string, (argument: never) => unknown>>,
): void {
  const reply = (answer: Answer) => process.send?.(answer);
  process.on('message', ({ id, question, argument }: Question) => {
    Promise.resolve()
      .then(() => {
        const answer = answers[question];
        if (answer === undefined) throw new Error('this process does not know the question');
        return answer(argument as never);
      })
      .then(
        (value) => reply({ id, value }),
        (error: unknown) => reply({ id, error: String(error) }),
      );
  });
  process.once('disconnect', () => process.exit(1));
}
