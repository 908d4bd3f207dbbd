interface Harness {
  close(): Promise<void>;
}

/** Runs each clause as a test on a harness of its own; an exception is shown as skipped, with its reason. */
export function runClauses<Clause extends string, H extends Harness>(
  name: string,
  clauses: Readonly<Record<Clause, (harness: H) => Promise<void>>>,
  open: () => Promise<H> | H,
  exceptions: Partial<Record<Clause, string>>,
): void {
  describe(name, () => {
    for (const clause of Object.keys(clauses) as Clause[]) {
      const reason = exceptions[clause];
      const check = async () => {
        const harness = await open();
        try {
          await clauses[clause](harness);
        } finally {
          await harness.close();
        }
      };
      if (reason === undefined) it(clause, check);
      else it.skip(`${clause} (not met: ${reason})`, check);
    }
  });
}
