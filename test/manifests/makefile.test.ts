import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';

const root = path.resolve(__dirname, '../..');
const makefile = readFileSync(path.join(root, 'Makefile'), 'utf8');
// A make in a make says in which folder it is.
const help = spawnSync('make', ['--no-print-directory', 'help'], {
  cwd: root,
  encoding: 'utf8',
}).stdout.split('\n');

const phony = [...makefile.matchAll(/^\.PHONY: (.*)$/gm)].flatMap(([, names = '']) =>
  names.split(' '),
);
const targets = [...makefile.matchAll(/^([a-z-]+):/gm)].map(([, name = '']) => name);

/** The targets of `make help`, with the group that each is in. */
const groups = new Map<string, string>();
const sentences = new Map<string, string>();
let group = '';
for (const line of help) {
  const [, heading] = /^(\S.*)$/.exec(line) ?? [];
  group = heading ?? group;
  const [, name = '', sentence = ''] = /^ {2}([a-z-]+) +(.*)$/.exec(line) ?? [];
  if (name !== '') {
    groups.set(name, group);
    sentences.set(name, sentence);
  }
}

it('has every target as a phony one', () => {
  expect([...phony].sort()).toEqual([...targets].sort());
});

it('explains every target, in a group', () => {
  expect([...groups.keys()].sort()).toEqual([...phony].sort());
  expect([...new Set(groups.values())]).toEqual([
    '',
    'Run',
    'Kubernetes',
    'Test',
    'Measure',
    'Maintain',
  ]);
  expect([...groups].filter(([, each]) => each === '')).toEqual([['help', '']]);
});

it.each([...sentences])('explains %s in one short sentence: %s', (name, sentence) => {
  expect(sentence).toMatch(/^[A-Z][^.]+$/);
  expect(`  ${name.padEnd(17)} ${sentence}`.length).toBeLessThanOrEqual(80);
});

it('explains each variable once, and every variable that scripts read', () => {
  const explained = help.flatMap((line) => {
    const [, names = ''] = /^ {2}([A-Z][A-Z_]*(?:=1)?(?:, [A-Z]+)*) {2}/.exec(line) ?? [];
    return names === '' ? [] : names.replaceAll('=1', '').split(', ');
  });
  expect(new Set(explained).size).toBe(explained.length);
  const read = spawnSync('grep', ['-rhoE', '\\$\\{[A-Z][A-Z_]+:?-', 'scripts', 'Makefile'], {
    cwd: root,
    encoding: 'utf8',
  }).stdout.matchAll(/[A-Z_]+/g);
  // Of tests, which make doctor explains; of Skaffold; and what scripts tell each other.
  const elsewhere = new Set([
    ...['POSTGRES_BIN', 'CONSUL_BIN', 'DNSMASQ_BIN', 'KUBE_SCORE', 'ACTIONLINT'],
    'SKAFFOLD_WATCH_POLL_INTERVAL',
    ...['MOVIES_CONTEXT', 'OFF_THE_WORKERS', 'SERVICE', 'N'],
  ]);
  const names = [...new Set([...read].map(([name]) => name))];
  expect(names.filter((name) => !explained.includes(name) && !elsewhere.has(name))).toEqual([]);
});

it.each(['images', 'load-images', 'push', 'deploy', 'undeploy', 'dev', 'status', 'logs', 'scale'])(
  'hands NAMESPACE and VERSION down to %s, from its command line',
  (target) => {
    const args = ['--no-print-directory', target, 'NAMESPACE=A', 'VERSION=-', 'SERVICE=rating'];
    const { status, stderr } = spawnSync('make', args, { cwd: root, encoding: 'utf8' });
    expect(status).toBe(2);
    expect(stderr).toContain(`make ${target}: `);
    expect(stderr).toMatch(/NAMESPACE is up to 63.*'A'|VERSION is up to 63.*'-'/);
  },
);
