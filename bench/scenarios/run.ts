import { execFileSync } from 'node:child_process';
import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { format } from 'prettier';
import { buildScripts } from './build';
import { median } from '../table';
import { killChildren } from './child';
import { clientRows } from './client-rows';
import { plotScenario } from './plot';
import { reportScenario, type Result } from './report';
import { runScenario } from './scenario-run';
import { scenarios } from './scenarios';

const resultsFile = 'results.jsonl';

const usage = `make bench-scenarios BENCH='[OPTIONS]'
  --only A,B      of the scenarios: ${Object.keys(scenarios).join(', ')}
  --clients A,B   of the clients: ${Object.keys(clientRows).join(', ')}
  --runs N        of each client in each scenario; 3
  --quick         one run, and half the time before and after a fault
  --out FOLDER    for results.jsonl, scenarios.md and the plots; dist/bench-scenarios
  --from FILE     of an earlier run: only writes its report and plots`;

interface Options {
  readonly scenarios: readonly string[];
  readonly clients: readonly string[];
  readonly runs: number;
  readonly isQuick: boolean;
  readonly out: string;
  readonly from: string | undefined;
  readonly help: boolean;
}

/** Throws an `Error` that says what is wrong with them. */
function readOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: 'string' },
      clients: { type: 'string' },
      runs: { type: 'string' },
      quick: { type: 'boolean', default: false },
      out: { type: 'string', default: 'dist/bench-scenarios' },
      from: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  const runs = Number(values.runs ?? (values.quick ? 1 : 3));
  if (!Number.isInteger(runs) || runs < 1)
    throw new Error(`--runs ${values.runs ?? ''}: expected 1 or more`);
  return {
    scenarios: namesOf('--only', values.only, Object.keys(scenarios)),
    clients: namesOf('--clients', values.clients, Object.keys(clientRows)),
    runs,
    isQuick: values.quick,
    out: values.out,
    from: values.from,
    help: values.help,
  };
}

/** Those that are named, in the order of all; all by default. */
function namesOf(option: string, list: string | undefined, all: readonly string[]): string[] {
  if (list === undefined) return [...all];
  const named = list.split(',');
  const unknown = named.find((name) => !all.includes(name));
  if (unknown !== undefined)
    throw new Error(`${option}: '${unknown}' is none of ${all.join(', ')}`);
  return all.filter((name) => named.includes(name));
}

async function measure(options: Options): Promise<readonly Result[]> {
  const { runs, isQuick, out } = options;
  buildScripts(options.clients.map(rowOf));
  const conditions = describeConditions(takePriority(), isQuick);
  process.stderr.write(`${conditions}\n`);
  const file = path.join(out, resultsFile);
  writeFileSync(file, '');
  const results: Result[] = [];
  for (const scenario of options.scenarios) {
    // In turn, so that whatever else the machine does meets all clients alike.
    for (let run = 1; run <= runs; run += 1) {
      for (const client of options.clients) {
        const figures = await runScenario(scenarioOf(scenario), rowOf(client), {
          isQuick,
        });
        const result = { scenario, client, run, conditions, load: loadavg()[0] ?? NaN, figures };
        results.push(result);
        appendFileSync(file, `${JSON.stringify(result)}\n`);
        const { failedReads, failedPuts, p99Ms, amplification } = figures;
        process.stderr.write(
          `${scenario}, ${client}, run ${run}: ${failedReads + failedPuts} failed, p99 ${p99Ms?.toFixed(1) ?? '–'} ms, ` +
            `× ${amplification.toFixed(2)}\n`,
        );
      }
    }
  }
  return results;
}

async function writeReport(out: string, results: readonly Result[]): Promise<string> {
  const loads = results.map(({ load }) => load);
  const parts = [
    '# Fault scenarios',
    [...new Set(results.map(({ conditions }) => conditions))].join('\n'),
    `Load average of the machine: median ${median(loads).toFixed(1)}, at most ${Math.max(...loads).toFixed(1)}.`,
  ];
  for (const [name, scenario] of Object.entries(scenarios)) {
    const some = results.filter((result) => result.scenario === name);
    if (some.length === 0) continue;
    parts.push(reportScenario(name, scenario, some));
    writeFileSync(path.join(out, `${name}.svg`), plotScenario(scenario.title, some));
  }
  const report = await format(parts.join('\n\n'), { parser: 'markdown' });
  writeFileSync(path.join(out, 'scenarios.md'), report);
  return report;
}

function rowOf(name: string) {
  const row = clientRows[name];
  if (row === undefined) throw new Error(`there is no client '${name}'`);
  return row;
}

function scenarioOf(name: string) {
  const scenario = scenarios[name];
  if (scenario === undefined) throw new Error(`there is no scenario '${name}'`);
  return scenario;
}

/** What is started from now on runs before ordinary processes, so that their load is not measured. */
function takePriority(): boolean {
  try {
    execFileSync('chrt', ['-r', '-p', '1', String(process.pid)], { stdio: 'ignore' });
    return true;
  } catch {
    // There is no chrt, or it is not permitted.
    return false;
  }
}

function describeConditions(hasPriority: boolean, isQuick: boolean): string {
  const priority = hasPriority
    ? 'all processes as SCHED_RR 1'
    : 'all processes at ordinary priority: latencies are those of the machine, too';
  const { devDependencies } = readJson('package.json') as {
    devDependencies: Record<string, string>;
  };
  const { version } = readJson('../../node_modules/undici/package.json') as { version: string };
  const versions = Object.entries({ undici: version, ...devDependencies });
  return (
    `Node ${process.version}, ${availableParallelism()} × ${cpus()[0]?.model ?? 'unknown processor'}; ${priority}${isQuick ? '; half the time before and after a fault' : ''}; ` +
    `${versions.map(([name, each]) => `${name} ${each}`).join(', ')}.`
  );
}

function readJson(file: string): unknown {
  return JSON.parse(readFileSync(path.join(__dirname, file), 'utf8'));
}

async function main(): Promise<void> {
  let options: Options;
  try {
    options = readOptions(process.argv.slice(2));
  } catch (error: unknown) {
    process.stderr.write(`${String(error)}\n${usage}\n`);
    process.exitCode = 78;
    return;
  }
  const { out, from, help } = options;
  if (help) {
    process.stdout.write(`${usage}\n`);
    return;
  }
  mkdirSync(out, { recursive: true });
  const results = from === undefined ? await measure(options) : readResults(from);
  process.stdout.write(await writeReport(out, results));
  process.stderr.write(`written to ${out}\n`);
}

function readResults(file: string): Result[] {
  const lines = readFileSync(file, 'utf8').split('\n').slice(0, -1);
  return lines.map((line) => JSON.parse(line) as Result);
}

process.once('exit', killChildren);
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => process.exit(signal === 'SIGINT' ? 130 : 143));
}
main().catch((error: unknown) => {
  process.stderr.write(
    `${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
  );
  process.exit(1);
});
