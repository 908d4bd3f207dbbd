import { run, type RunOptions } from './run';

const limitMs = 120_000;

/** Runs `kubectl` in a namespace, for at most two minutes unless told otherwise. */
export function kubectlIn(
  namespace: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<string> {
  return run('kubectl', ['--namespace', namespace, ...args], { limitMs, ...options });
}
