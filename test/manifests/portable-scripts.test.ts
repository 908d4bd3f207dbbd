import { spawnSync } from 'node:child_process';
import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describeWith } from '../describe-with';
import { parseSkaffoldYaml } from '../skaffold-config';
import { isRecord } from './kube-object';
import { makeRules, refused, scriptRules } from './portability';
import { programOf } from './script-tools';

const root = path.resolve(__dirname, '../..');
const read = (file: string) => readFileSync(path.join(root, file), 'utf8');
const scripts = globSync('scripts/**/*.sh', { cwd: root }).sort();

/** The recipes of a Makefile, on their lines, as the shell gets them. */
const recipesOf = (makefile: string) =>
  makefile
    .split('\n')
    .map((line) =>
      line.startsWith('\t') ? line.slice(1).replace(/^@/, '').replaceAll('$$', '$') : '',
    )
    .join('\n');

/** What hooks run, a line a command. */
function commandsIn(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(commandsIn);
  if (!isRecord(value)) return [];
  const { command, ...others } = value;
  const own = Array.isArray(command) ? [command.join(' ').replace(/^sh -c /, '')] : [];
  return [...own, ...Object.values(others).flatMap(commandsIn)];
}

describe('the rules', () => {
  it.each(
    [...scriptRules, ...makeRules].flatMap(({ name, pattern, samples }) =>
      samples.map((sample) => [sample, name, pattern] as const),
    ),
  )('refuse %j: %s', (sample, _, pattern) => {
    expect(sample).toMatch(pattern);
  });

  it('tell where, and read no comments', () => {
    const text = '# declare -A x\nx=1\n  wait -n\n';
    expect(refused('x.sh', text, scriptRules)).toEqual(['x.sh:3: wait -n: wait -n']);
  });

  it('read recipes as the shell does', () => {
    const makefile = 'x: y\n\t@for i in $${list[@]}; do :; done\n';
    expect(refused('Makefile', recipesOf(makefile), scriptRules)).toHaveLength(1);
  });

  it('read the hooks of Skaffold', () => {
    const hooks = {
      deploy: { hooks: { before: [{ host: { command: ['sh', '-c', 'wait -n'] } }] } },
    };
    expect(commandsIn(hooks)).toEqual(['wait -n']);
    expect(commandsIn(parseSkaffoldYaml()).length).toBeGreaterThan(2);
  });
});

describe('what users run', () => {
  it('is all that there is in scripts', () => {
    expect(scripts).toContain('scripts/deploy.sh');
    expect(scripts).toContain('scripts/lib/cluster.sh');
    expect(globSync('scripts/**/*.{bash,zsh}', { cwd: root })).toEqual([]);
  });

  it.each(scripts)('%s is for any POSIX shell and userland', (file) => {
    expect(refused(file, read(file), scriptRules)).toEqual([]);
    if (!file.startsWith('scripts/lib/')) expect(read(file)).toMatch(/^#!\/bin\/sh\n/);
  });

  it('is in the Makefile for GNU make 3.81, and its recipes for any', () => {
    expect(refused('Makefile', read('Makefile'), makeRules)).toEqual([]);
    expect(refused('Makefile', recipesOf(read('Makefile')), scriptRules)).toEqual([]);
    expect(read('Makefile')).toContain('SHELL := /bin/sh\n');
  });

  it('is in the hooks of skaffold.yaml for any', () => {
    const commands = commandsIn(parseSkaffoldYaml()).join('\n');
    expect(refused('skaffold.yaml', commands, scriptRules)).toEqual([]);
  });
});

const parsers = { sh: ['-n'], dash: ['-n'], bash: ['--posix', '-n'] } as const;
for (const [name, args] of Object.entries(parsers)) {
  const missing = programOf(name) === undefined ? `no ${name} on the PATH` : undefined;
  describeWith(`${name} as a parser`, missing, () => {
    it.each(scripts)('reads %s', (file) => {
      const { status, stderr } = spawnSync(name, [...args, file], { cwd: root, encoding: 'utf8' });
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    });
  });
}

const shellcheck = programOf('shellcheck') === undefined ? 'no shellcheck on the PATH' : undefined;
describeWith('shellcheck', shellcheck, () => {
  it('finds nothing in what users run', () => {
    const args = ['--shell=sh', ...scripts];
    const { status, stdout } = spawnSync('shellcheck', args, { cwd: root, encoding: 'utf8' });
    expect({ status, stdout }).toEqual({ status: 0, stdout: '' });
  });
});
