// Runs the named checks one after the other and ends with the line `N passed, N failed`: a jest test counts
// as one, and so does every other check. Exit code 1 if anything failed.
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

const seconds = (startedAt) => `${((performance.now() - startedAt) / 1000).toFixed(1)} s`;

/** One file after the other: some stop the API server under all. */
const outagesLast = ['--runInBand', '--testSequencer=./test/cluster/outages-last.cjs'];

/** Every check there is: a command, or a jest project. */
const checks = {
  format: { command: ['prettier', '--check', '--log-level=warn', '.'] },
  lint: { command: ['eslint', '--max-warnings=0', '.'] },
  types: { command: ['tsc'] },
  imports: { command: ['depcruise', 'packages', 'services', 'test', 'bench', 'hack', 'start.ts'] },
  audit: {
    command: ['npm', 'audit', '--omit=dev', '--loglevel=error'],
    skipIf: /audit endpoint returned an error/,
  },
  local: { project: 'local' },
  consul: { project: 'consul' },
  kubernetes: { project: 'kubernetes' },
  // Most of the time goes into short processes, one after the other.
  manifests: { project: 'manifests', jestArgs: ['--maxWorkers=100%'] },
  images: { project: 'images' },
  'manifest-lint': { project: 'manifest-lint' },
  kind: { project: 'kind' },
  pack: { project: 'pack' },
  dns: { project: 'dns' },
  postgres: { project: 'postgres' },
  cluster: { project: 'cluster', jestArgs: outagesLast },
  // There is one namespace `movies`.
  deployed: { project: 'deployed', jestArgs: ['--runInBand'] },
  rollout: { project: 'rollout', jestArgs: outagesLast },
};

const total = { passed: 0, failed: 0, skipped: 0 };

for (const name of process.argv.slice(2)) {
  const check = checks[name];
  if (check === undefined) throw new Error(`no check '${name}'; there are ${Object.keys(checks)}`);
  const startedAt = performance.now();
  const result = await (check.project === undefined ? runCommand(check) : runJest(check));
  for (const key of Object.keys(total)) total[key] += result[key];
  const verdict = result.failed > 0 ? 'FAILED' : result.passed > 0 ? 'ok' : 'SKIPPED';
  console.log(`${name.padEnd(14)}${verdict} (${seconds(startedAt)})`);
}

const { passed, failed, skipped } = total;
console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
process.exitCode = failed > 0 || passed + skipped === 0 ? 1 : 0;

/** Prints what the command says only if it fails, or was skipped. */
async function runCommand({ command: [file, ...args], skipIf }) {
  const { code, output } = await run(file, args, 'pipe');
  if (code === 0) return { passed: 1, failed: 0, skipped: 0 };
  if (skipIf?.test(output)) {
    console.log(`\n!!! SKIPPED: ${file} ${args.join(' ')}\n${output}`);
    return { passed: 0, failed: 0, skipped: 1 };
  }
  console.log(output);
  return { passed: 0, failed: 1, skipped: 0 };
}

async function runJest({ project, jestArgs = [] }) {
  const directory = await mkdtemp(path.join(tmpdir(), 'movies-check-'));
  const report = path.join(directory, 'jest.json');
  try {
    // ONLY is a part of the paths of the test files to run.
    const only = process.env.ONLY ? [`--testPathPatterns=${process.env.ONLY}`] : [];
    const args = [
      ...['--selectProjects', project, '--json', `--outputFile=${report}`],
      ...jestArgs,
      ...only,
    ];
    const { code } = await run('jest', args, ['ignore', 'ignore', 'inherit']);
    const text = await readFile(report, 'utf8').catch(() => '{}');
    const { numPassedTests = 0, numFailedTests = 0, numPendingTests = 0 } = JSON.parse(text);
    // A suite that does not even load has no tests, and must not pass for that.
    const failed = code === 0 ? 0 : Math.max(1, numFailedTests);
    return { passed: numPassedTests, failed, skipped: numPendingTests };
  } finally {
    await rm(directory, { recursive: true });
  }
}

/** npm scripts put the project's own tools, Node 24 among them, first on the PATH. */
function run(file, args, stdio) {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { stdio });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (chunk) => (output += chunk));
    }
    child.once('error', reject);
    child.once('close', (code) => {
      resolve({ code, output });
    });
  });
}
