import { median } from '../table';
import { clientRows } from './client-rows';
import {
  cell,
  commonColumns,
  extraColumns,
  isBetter,
  medianOf,
  p99Ratio,
  writeColumns,
  type Column,
} from './columns';
import type { RunFigures } from './figures';
import type { Scenario } from './scenario';

/** A line of the results file. */
export interface Result {
  readonly scenario: string;
  readonly client: string;
  readonly run: number;
  /** Machine, priority and versions, in a sentence. */
  readonly conditions: string;
  /** The machine's load average at the end of the run. */
  readonly load: number;
  readonly figures: RunFigures;
}

const most = { failed: 0, p99Ratio: 3, amplification: 1.2 };

/** A part of the report: what happens, its plot, a row for each client, and what ours was to reach. */
export function reportScenario(
  name: string,
  scenario: Scenario,
  results: readonly Result[],
): string {
  const columns = columnsOf(scenario);
  const rows = rowsOf(results);
  const header = ['client', 'runs', ...columns.map(({ title }) => title), 'kinds of failures'];
  const lines = rows.map(({ client, runs }) => [
    clientRows[client]?.title ?? client,
    String(runs.length),
    ...columns.map((column) => cell(column, medianOf(column, runs))),
    failuresOf(runs),
  ]);
  return [
    `### ${scenario.title}`,
    scenario.text,
    `![Latency and failures of each client over time](${name}.svg)`,
    markdownTable(header, lines),
    ...aimsOf(scenario, columns, rows),
  ].join('\n\n');
}

interface Row {
  readonly client: string;
  readonly runs: readonly RunFigures[];
}

/** In the order of `clientRows`. */
export function rowsOf(results: readonly Result[]): Row[] {
  return Object.keys(clientRows)
    .map((client) => ({
      client,
      runs: results.filter((result) => result.client === client).map(({ figures }) => figures),
    }))
    .filter(({ runs }) => runs.length > 0);
}

function columnsOf({ hasWrites = false, columns = [] }: Scenario): Column[] {
  const { asked, 'failed reads': failedReads, ...others } = commonColumns;
  return [
    asked,
    failedReads,
    ...(hasWrites ? Object.values<Column>(writeColumns) : []),
    ...Object.values<Column>(others),
    ...columns.map((name) => extraColumns[name]),
  ];
}

/** What ours was to reach, line by line; nothing without a row of ours. */
function aimsOf(scenario: Scenario, columns: readonly Column[], rows: readonly Row[]): string[] {
  const ours = rows.find(({ client }) => client === 'ours');
  if (ours === undefined) return [];
  const { runs } = ours;
  const lines = [
    scenario.mayFail === true
      ? undefined
      : aim(
          'failed reads and PUTs, the worst run',
          Math.max(...runs.map((run) => run.failedReads + run.failedPuts)),
          most.failed,
        ),
    scenario.maySlow === true
      ? undefined
      : aim('p99 ÷ healthy', median(runs.map((run) => p99Ratio(run) ?? NaN)), most.p99Ratio),
    aim('arrivals ÷ asked', median(runs.map((run) => run.amplification)), most.amplification),
    rows.length === 1 ? undefined : placeOf(ours, rows, columns),
  ];
  return [
    lines
      .filter((line) => line !== undefined)
      .map((line) => `- ${line}`)
      .join('\n'),
  ];
}

function aim(what: string, value: number, limit: number): string {
  const digits = limit === 0 ? 0 : 2;
  return `${what}: ${value.toFixed(digits)} (aim ≤ ${limit}: ${value <= limit ? 'met' : '**missed**'})`;
}

/** Which rows are better than ours, column by column. */
function placeOf(ours: Row, rows: readonly Row[], columns: readonly Column[]): string {
  const failed = ({ runs }: Row) => median(runs.map((run) => run.failedReads + run.failedPuts));
  const failsMore = new Set(
    rows.filter((row) => failed(row) > failed(ours)).map(({ client }) => client),
  );
  const behind = columns.flatMap((column) => {
    const own = medianOf(column, ours.runs);
    const better = rows
      .map(({ client, runs }) => ({ client, value: medianOf(column, runs) }))
      .filter(
        ({ client, value }) =>
          isBetter(column, value, own) && (column.ofAnswers !== true || !failsMore.has(client)),
      )
      .map(({ client, value }) => `${client} ${cell(column, value)}`);
    return better.length === 0
      ? []
      : [`${column.title} (${better.join(', ')}; ours ${cell(column, own)})`];
  });
  return behind.length === 0
    ? 'first or equal in every column (aim: met)'
    : `first or equal in every column (aim: **missed**): ${behind.join('; ')}`;
}

/** Means over the runs, the most frequent first. */
function failuresOf(runs: readonly RunFigures[]): string {
  const totals = new Map<string, number>();
  for (const run of runs) {
    for (const [kind, count] of Object.entries(run.failures)) {
      totals.set(kind, (totals.get(kind) ?? 0) + count / runs.length);
    }
  }
  const sorted = [...totals].sort(([, a], [, b]) => b - a);
  return sorted.map(([kind, mean]) => `${kind} ${mean.toFixed(mean < 10 ? 1 : 0)}`).join(', ');
}

function markdownTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((text) => text.replaceAll('|', '\\|')).join(' | ')} |`;
  return [
    line(header),
    line(header.map((_, i) => (i === 0 || i === header.length - 1 ? '---' : '--:'))),
    ...rows.map(line),
  ].join('\n');
}
