import type { LoadTotals } from './load-pod';

/** What happened to the system, and what came of the requests meanwhile. */
export interface Story extends LoadTotals {
  readonly name: string;
}

/** What came between two readings of the totals. */
export function storyBetween(name: string, before: LoadTotals, after: LoadTotals): Story {
  const failed = Object.entries(after.failed)
    .map(([reason, count]) => [reason, count - (before.failed[reason] ?? 0)] as const)
    .filter(([, count]) => count > 0);
  return {
    name,
    sent: after.sent - before.sent,
    ok: after.ok - before.ok,
    degraded: after.degraded - before.degraded,
    late: after.late - before.late,
    failed: Object.fromEntries(failed),
  };
}

export function failedIn({ failed }: Story): number {
  return Object.values(failed).reduce((sum, each) => sum + each, 0);
}

/**
 * What the load has lost, by reason; nothing where all is well. Movie's own 504, and a rating that it waited for to its
 * deadline, are not counted: where several pods start at once on two cores, requests pass their deadline for want of the
 * processor.
 */
export function lossesOf({ failed, degraded }: Story): string[] {
  const reasons = Object.keys(failed).filter((reason) => reason !== 'movie 504');
  return degraded > 0 ? [...reasons, 'degraded'] : reasons;
}

/** How many movie could not answer as it should: each has a status, or no rating, where what the load lost has none. */
export function failedBetweenServices({ failed, degraded, late }: Story): number {
  const answers = Object.entries(failed).filter(([reason]) => /^movie 5\d\d\b/.test(reason));
  return answers.reduce((sum, [, count]) => sum + count, degraded + late);
}

/** Prints the stories as a Markdown table. */
export function printTable(stories: readonly Story[]): void {
  const rows = stories.map((story) => {
    const reasons = Object.entries(story.failed).map(([reason, count]) => `${count} ${reason}`);
    const why = reasons.length === 0 ? '' : ` (${reasons.join(', ')})`;
    const late = story.late === 0 ? '' : ` (and ${story.late} late)`;
    const counts = [
      `${failedIn(story)}${why}`,
      `${story.degraded}${late}`,
      failedBetweenServices(story),
    ];
    return `| ${story.name} | ${story.sent} | ${counts.join(' | ')} |`;
  });
  const head = [
    '| what happened | requests | failed | degraded | between the services |',
    '| --- | --- | --- | --- | --- |',
  ];
  process.stderr.write(`\n${[...head, ...rows].join('\n')}\n`);
}
