import { spawnSync } from 'node:child_process';
import { describeWith } from '../describe-with';
import { run, type RunOptions } from '../cluster/run';

const [client = 'docker', ...clientArgs] = (process.env['DOCKER'] ?? 'docker').split(' ');

/** The client, `DOCKER` or docker on the PATH, and its arguments. */
export const dockerCommand = [client, ...clientArgs] as const;

/** Why there is no Docker to be had, if there is none. */
export function missingDocker(): string | undefined {
  const { status, stderr, error } = spawnSync(client, [...clientArgs, 'version'], {
    encoding: 'utf8',
    timeout: 20_000,
  });
  return status === 0 ? undefined : `no Docker: ${error?.message ?? stderr.trim()}`;
}

/** `describe` on a Docker engine. */
export function describeWithDocker(name: string, suite: () => void): void {
  describeWith(name, missingDocker(), suite);
}

/** Docker's client; resolves with what it printed. */
export function docker(args: readonly string[], options?: RunOptions): Promise<string> {
  return run(client, [...clientArgs, ...args], options);
}

/** How it ended, for what is expected to fail. */
export function dockerExit(args: readonly string[]): {
  code: number | null;
  output: string;
  errors: string;
} {
  const { status, stdout, stderr } = spawnSync(client, [...clientArgs, ...args], {
    encoding: 'utf8',
    timeout: 20_000,
  });
  return { code: status, output: stdout, errors: stderr };
}
