import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { describeWith } from '../describe-with';
import { run } from './run';

const root = path.resolve(__dirname, '../..');

/** What only the owner of a cluster can do to it: shell commands, from environment variables. */
export type OwnersCommand =
  | 'CLUSTER_API_STOP'
  | 'CLUSTER_API_START'
  | 'CLUSTER_COMPACT'
  | 'CLUSTER_KILL_POD'
  | 'CLUSTER_NODE_STOP'
  | 'CLUSTER_NODE_START';

/** What not every cluster has. */
const extras = {
  'two nodes': () => nodeNames().length >= 2,
  'metrics-server': () => asks(['get', '--raw', '/apis/metrics.k8s.io/v1beta1']) !== undefined,
} as const;

export type ClusterNeed = OwnersCommand | keyof typeof extras;

/** An image with node and tar that the cluster has, or can pull. */
export const testImage = process.env['TEST_IMAGE'] ?? 'node:24-bookworm-slim';

/** A server that starts anew waits for its store, and the owner's command for the server. */
const commandLimitMs = 120_000;

/** Runs one of them; `args` go to the command's end. */
export async function ownerDoes(command: OwnersCommand, ...args: string[]): Promise<void> {
  const text = process.env[command] ?? '';
  await run('/bin/sh', ['-c', `${text} "$@"`, command, ...args], { limitMs: commandLimitMs });
}

interface NodeList {
  readonly items: readonly {
    readonly metadata: { readonly name: string };
    readonly spec: { readonly taints?: readonly object[] };
  }[];
}

/** The names of the nodes that take pods, in order. */
export function nodeNames(): string[] {
  const { items } = JSON.parse(
    asks(['get', 'nodes', '--output=json']) ?? '{"items":[]}',
  ) as NodeList;
  const untainted = items.filter(({ spec }) => spec.taints === undefined);
  return untainted.map(({ metadata }) => metadata.name).sort();
}

/** `describe` on a real cluster, and with what the suite needs besides. */
export function describeOnCluster(
  name: string,
  suite: () => void,
  needed: readonly ClusterNeed[] = [],
): void {
  describeWith(name, whatIsMissing(needed), suite);
}

function whatIsMissing(needed: readonly ClusterNeed[]): string | undefined {
  if (asks(['version', '--client']) === undefined) return 'no kubectl on the PATH';
  const refusal = whyRefused();
  if (refusal !== undefined) return refusal;
  const missing = needed.filter((need) => !isThere(need));
  return missing.length === 0
    ? undefined
    : `this cluster lacks, or is not told: ${missing.join(', ')}`;
}

/** Why tests may not scale and break the cluster of the current context: as for make targets that delete. */
export function whyRefused(env: NodeJS.ProcessEnv = process.env): string | undefined {
  const guard = 'target=test-cluster; . scripts/lib/cluster.sh; guard';
  const options = { cwd: root, env, encoding: 'utf8', timeout: 20_000 } as const;
  const { status, stderr, error } = spawnSync('/bin/sh', ['-c', guard], options);
  return status === 0 ? undefined : (error?.message ?? stderr.trim());
}

function isThere(need: ClusterNeed): boolean {
  return need in extras ? extras[need as keyof typeof extras]() : (process.env[need] ?? '') !== '';
}

function asks(args: readonly string[]): string | undefined {
  const { status, stdout } = spawnSync('kubectl', args, { encoding: 'utf8', timeout: 20_000 });
  return status === 0 ? stdout : undefined;
}
