/**
 * `describe` on something real that this machine may lack. Without it the suite is skipped, loudly; where `CI` is
 * set it fails, so that a layer that ran nothing is not taken for one that passed.
 */
export function describeWith(name: string, missing: string | undefined, suite: () => void): void {
  if (missing === undefined) {
    describe(name, suite);
  } else if (process.env['CI'] !== undefined) {
    it(`${name}: what it needs is there`, () => {
      throw new Error(missing);
    });
  } else {
    process.stderr.write(`\n!!! SKIPPED: ${name}: ${missing}\n`);
    it.skip(name, () => undefined);
  }
}
