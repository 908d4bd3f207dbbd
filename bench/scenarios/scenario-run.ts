import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort } from '../server-process';
import { builtPath } from './build';
import { Child } from './child';
import type { ClientRow } from './client-rows';
import type { ClientOptions, LoadOptions } from './client';
import { figuresOf, type PhaseTime, type RunFigures } from './figures';
import type { Sample } from './load';
import { machineNow } from './machine-clock';
import type { Phase } from './phase';
import type { Scenario } from './scenario';
import { Stage } from './stage';

/** The compiler has seen what it needs, and connections are open. */
const before: readonly Phase[] = [
  { name: 'warm-up', seconds: 3 },
  { name: 'healthy', seconds: 4 },
];

/** A run's files. */
const folder = mkdtempSync(path.join(tmpdir(), 'movies-scenarios-'));
process.once('exit', () => {
  rmSync(folder, { recursive: true, force: true });
});

export interface RunOptions {
  /** The healthy phases, before and after the fault, are half as long. */
  readonly isQuick: boolean;
}

/** One run of a scenario with one client. */
export async function runScenario(
  scenario: Scenario,
  row: ClientRow,
  { isQuick }: RunOptions,
): Promise<RunFigures> {
  const clientPort = await freePort();
  const stage = new Stage({
    folder: mkdtempSync(path.join(folder, 'run-')),
    backendScript: builtPath(row.backend),
    clientPort,
  });
  let client: Child | undefined;
  try {
    await stage.publish(await stage.startMany(scenario.instances, scenario.behaviour));
    const options: ClientOptions = { addresses: stage.addresses, ownPort: clientPort };
    client = new Child(row.client, builtPath(row.client), options);
    stage.attach(client);
    // moleculer's gossip takes a while until it knows all instances.
    await client.ask('open', undefined, 40_000);
    const { perSecond = 400, hasWrites = false } = scenario;
    await client.ask('start', { perSecond, hasWrites } satisfies LoadOptions);
    const phases: PhaseTime[] = [];
    let cpuBefore = 0;
    for (const phase of [...before, ...scenario.phases]) {
      if (phase.name === 'healthy') cpuBefore = await client.ask<number>('cpuSeconds');
      phases.push(await runPhase(isQuick ? shortened(phase) : phase, stage));
    }
    const cpuSeconds = (await client.ask<number>('cpuSeconds')) - cpuBefore;
    const samples = await client.ask<readonly Sample[]>('stop');
    return figuresOf({
      samples,
      arrivals: new Map(stage.backends.map((backend) => [backend.id, backend.arrivals()])),
      phases,
      marks: stage.marks,
      finalSet: stage.published.map(({ id }) => id),
      cpuSeconds,
    });
  } finally {
    // What is measured has ended: nothing is left to be closed in order.
    await client?.kill();
    await stage.close();
  }
}

async function runPhase({ name, seconds, act }: Phase, stage: Stage): Promise<PhaseTime> {
  const beginMs = machineNow();
  await Promise.all([delay(seconds * 1000), act?.(stage)]);
  return { name, beginMs, endMs: machineNow() };
}

/** A fault takes as long as it takes: a shorter one is another one. */
function shortened(phase: Phase): Phase {
  const isFault = phase.name === 'fault' || phase.name === 'dark';
  return isFault ? phase : { ...phase, seconds: phase.seconds / 2 };
}
