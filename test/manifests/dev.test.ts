import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

const script = path.resolve(__dirname, '../../scripts/dev.sh');
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'movies-dev-'));
  command('kubectl', '');
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

/** A command that answers as the test says, since it is the way to it that is tried. */
function command(name: string, body: string): void {
  writeFileSync(path.join(folder, name), `#!/bin/sh\n${body}\n`, { mode: 0o755 });
}

function skaffold(version: string): void {
  command('skaffold', `case $1 in version) echo ${version} ;; *) echo "skaffold $*" ;; esac`);
}

function run(env: Readonly<Record<string, string>> = {}) {
  const { status, stdout, stderr } = spawnSync('/bin/bash', [script], {
    // dirname is the only other one that the script needs.
    env: { PATH: `${folder}:${basics()}`, ...env },
    encoding: 'utf8',
    timeout: 20_000,
  });
  return { status, stdout, stderr };
}

function basics(): string {
  command('dirname', 'exec /usr/bin/dirname "$@"');
  return folder;
}

it.each([
  ['v2.15.0', {}, 'skaffold dev'],
  ['v2.24.0', { OVERLAY: 'kubernetes' }, 'skaffold dev'],
  ['v3.0.0', { OVERLAY: 'dns' }, 'skaffold dev --profile dns'],
  [
    'v2.24.0',
    { OVERLAY: 'consul', DOCKER_BUILD_FLAGS: '--network=host' },
    'skaffold dev --profile consul',
  ],
])('with skaffold %s and %j it is %s', (version, env, called) => {
  skaffold(version);
  expect(run(env)).toEqual({ status: 0, stdout: `${called}\n`, stderr: '' });
});

it.each([
  ['v2.14.2', {}, 'skaffold.yaml needs skaffold 2.15 or newer, and this is v2.14.2'],
  ['v1.39.0', {}, 'skaffold.yaml needs skaffold 2.15 or newer, and this is v1.39.0'],
  ['main', {}, "'skaffold version' says 'main', and not which it is"],
  [
    'v2.24.0',
    { OVERLAY: 'etcd' },
    "there is no overlay 'etcd'; there are: consul database-url dns kubernetes",
  ],
  ['v2.24.0', { DOCKER_BUILD_FLAGS: '--pull --no-cache' }, 'one flag of DOCKER_BUILD_FLAGS'],
])('with skaffold %s and %j it says what is wrong', (version, env, message) => {
  skaffold(version);
  const { status, stdout, stderr } = run(env);
  expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
  expect(stderr).toContain(`make dev: `);
  expect(stderr).toContain(message);
});

it('says that there is no skaffold, and where to learn more', () => {
  expect(run()).toEqual({
    status: 1,
    stdout: '',
    stderr: 'make dev: skaffold is not there; make doctor says how to get it\n',
  });
});
