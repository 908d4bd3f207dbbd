import { spawnSync } from 'node:child_process';
import { describeWith } from '../describe-with';
import { run } from './run';

/** What only the owner of a cluster can do to it: shell commands, from environment variables. */
export type OwnersCommand =
  'CLUSTER_API_STOP' | 'CLUSTER_API_START' | 'CLUSTER_COMPACT' | 'CLUSTER_KILL_POD';

/** An image with node and tar that the cluster has, or can pull. */
export const testImage = process.env['TEST_IMAGE'] ?? 'node:24-bookworm-slim';

/** A server that starts anew waits for its store, and the owner's command for the server. */
const commandLimitMs = 120_000;

/** Runs one of them; `args` go to the command's end. */
export async function ownerDoes(command: OwnersCommand, ...args: string[]): Promise<void> {
  const text = process.env[command] ?? '';
  await run('/bin/sh', ['-c', `${text} "$@"`, command, ...args], { limitMs: commandLimitMs });
}

/** `describe` on a real cluster, and with the owner's commands that the suite needs. */
export function describeOnCluster(
  name: string,
  suite: () => void,
  needed: readonly OwnersCommand[] = [],
): void {
  describeWith(name, whatIsMissing(needed), suite);
}

function whatIsMissing(needed: readonly OwnersCommand[]): string | undefined {
  if (spawnSync('kubectl', ['version', '--client']).status !== 0) {
    return 'no kubectl on the PATH';
  }
  // A cluster that is only somebody's default must not be one that tests scale and break.
  if ((process.env['KUBECONFIG'] ?? '') === '') return 'no cluster; set KUBECONFIG';
  const unset = needed.filter((command) => (process.env[command] ?? '') === '');
  return unset.length === 0 ? undefined : `no command for it; set ${unset.join(', ')}`;
}
