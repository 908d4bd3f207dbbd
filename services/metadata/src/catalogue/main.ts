import { systemClock } from '@movies/time';
import {
  ConfigError,
  exitCodeOf,
  helpText,
  onStopSignal,
  parseSettings,
  wantsHelp,
  type SettingValues,
} from '@movies/http-service';
import { CatalogueError } from './catalogue-error';
import { catalogueSettings } from './catalogue-settings';
import { importFilms, type ImportCounts } from './import-films';
import { MetadataServiceStore } from './metadata-service-store';
import { openCatalogue } from './open-catalogue';
import { ProgressBar } from './progress-bar';
import { readRecords } from './read-records';

const concurrency = 16;
const patienceMs = 30_000;
const answerLimitMs = 10_000;

const usage = 'import-catalogue: puts the films of a catalogue into a metadata service';
const notes = `
A film that is stored with the same content is skipped: running it again changes nothing, and resumes an
interrupted import. A record with a known id and other content replaces the stored film.
Rejected records are reported on standard error, with the reason; the totals are on standard output.

Exit codes: 0 all is imported, 1 more records were rejected than may be, or the import could not go on,
78 bad configuration, 130 stopped by Ctrl-C.
`;

void main();

/** Reads settings, imports, and tells what came of it. */
async function main(): Promise<void> {
  const argv = process.argv.slice(2);
  if (wantsHelp(argv)) {
    process.stdout.write(helpText(usage, catalogueSettings) + notes);
    return;
  }
  const progress = new ProgressBar({ output: process.stderr, clock: systemClock });
  try {
    const settings = parseSettings(catalogueSettings, { argv, env: process.env });
    process.exitCode = await run(settings, progress);
  } catch (error: unknown) {
    progress.clear();
    if (!(error instanceof ConfigError || error instanceof CatalogueError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exitCode = error instanceof ConfigError ? 78 : 1;
  }
}

/** Resolves to the exit code. Rejects with `CatalogueError`. */
async function run(
  { catalogue, url, format, maxRejected }: SettingValues<typeof catalogueSettings>,
  progress: ProgressBar,
): Promise<number> {
  const stopping = new AbortController();
  let stoppedBy: NodeJS.Signals | undefined;
  onStopSignal((signal) => {
    stoppedBy = signal;
    stopping.abort();
  });
  const startedAt = performance.now();
  const { chunks, size, position } = await openCatalogue(catalogue, process.stdin, stopping.signal);
  const counts = await importFilms({
    records: readRecords(chunks),
    format,
    store: new MetadataServiceStore({
      url,
      patienceMs,
      answerLimitMs,
      clock: systemClock,
      random: Math.random,
      onRetry: seldom((reason) => {
        progress.print(`${url}: ${reason}; trying again, for ${patienceMs / 1000} s`);
      }),
    }),
    concurrency,
    signal: stopping.signal,
    onRejected: (at, reason) => {
      progress.print(`${at}: ${reason}`);
    },
    onProgress: (soFar) => {
      progress.show(size === undefined ? undefined : position() / size, describe(soFar));
    },
  });
  progress.clear();
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  process.stdout.write(`${describe(counts)}, in ${seconds} s\n`);
  if (stoppedBy !== undefined) {
    process.stdout.write('Stopped: the same command goes on from here.\n');
    return exitCodeOf(stoppedBy);
  }
  if (counts.added + counts.changed === 0) process.stdout.write('Nothing has changed.\n');
  return counts.rejected > maxRejected ? 1 : 0;
}

function describe({ read, added, changed, unchanged, rejected }: ImportCounts): string {
  return `${read} read: ${added} added, ${changed} changed, ${unchanged} unchanged, ${rejected} rejected`;
}

/** Many calls fail at once and for one reason: it is told once in five seconds. */
function seldom(tell: (reason: string) => void): (reason: string) => void {
  let toldAt = Number.NEGATIVE_INFINITY;
  return (reason) => {
    if (performance.now() - toldAt < 5000) return;
    toldAt = performance.now();
    tell(reason);
  };
}
