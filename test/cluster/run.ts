import { execFile } from 'node:child_process';

export interface RunOptions {
  /** Goes to its standard input. */
  readonly input?: string | Buffer | undefined;
  /** 30,000 by default. */
  readonly limitMs?: number;
  readonly cwd?: string;
  /** That of this process by default. */
  readonly env?: NodeJS.ProcessEnv | undefined;
}

/** Runs a program; resolves with what it printed, rejects with what it complained of. */
export function run(
  file: string,
  args: readonly string[],
  { input, limitMs = 30_000, cwd, env }: RunOptions = {},
): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { timeout: limitMs, maxBuffer: 64 * 1024 * 1024, cwd, env };
    const child = execFile(file, args, options, (error, output, errors) => {
      if (error === null) resolve(output);
      else reject(new Error(`${error.message}\n${output}\n${errors}`, { cause: error }));
    });
    // What ends early does not read all of it, and its exit code says why.
    child.stdin?.on('error', () => undefined).end(input ?? '');
  });
}
