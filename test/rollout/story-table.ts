import type { LoadTotals } from './load-pod';

/** What happened to the system, and what came of the requests meanwhile. */
export interface Story extends LoadTotals {
  readonly name: string;
}

/** Prints the stories as a Markdown table. */
export function printTable(stories: readonly Story[]): void {
  const rows = stories.map(({ name, sent, degraded, failed }) => {
    const reasons = Object.entries(failed).map(([reason, count]) => `${count} ${reason}`);
    const count = Object.values(failed).reduce((sum, each) => sum + each, 0);
    const why = reasons.length === 0 ? '' : ` (${reasons.join(', ')})`;
    return `| ${name} | ${sent} | ${count}${why} | ${degraded} |`;
  });
  const head = ['| what happened | requests | failed | degraded |', '| --- | --- | --- | --- |'];
  process.stderr.write(`\n${[...head, ...rows].join('\n')}\n`);
}
