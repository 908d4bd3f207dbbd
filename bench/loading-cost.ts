import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { againstAim, median, table } from './table';

interface Load {
  readonly ms: number;
  readonly rssBytes: number;
  /** Files of a dependency that were loaded, by its name; counted in a run of their own. */
  readonly files: Readonly<Record<string, number>>;
}

interface Variant {
  readonly name: string;
  readonly script: string;
  readonly loads: Load[];
}

const root = path.resolve(__dirname, '..');
const kubeconfig = {
  'current-context': 'bench',
  clusters: [{ name: 'bench', cluster: { server: 'https://127.0.0.1:1' } }],
  users: [{ name: 'bench', user: { token: 'bench' } }],
  contexts: [{ name: 'bench', context: { cluster: 'bench', user: 'bench' } }],
};

/** Time and memory to load an adapter, as it is packed: JavaScript, in a new process each time. */
export function measureLoadingCost(rounds: number): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'movies-loading-'));
  try {
    installInto(folder);
    const variants = variantsIn(folder);
    for (let round = 0; round < rounds; round += 1) {
      for (const { script, loads } of variants) loads.push(load(folder, script, false));
    }
    return report(variants, (script) => load(folder, script, true));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The packed library, and its dependencies as they are installed here. */
function installInto(folder: string): void {
  execFileSync(process.execPath, [path.join(root, 'scripts/pack.mjs'), folder], { stdio: 'pipe' });
  const modules = path.join(folder, 'node_modules');
  for (const name of ['time', 'discovery']) {
    const tarball = readdirSync(folder).find((file) => file.includes(name));
    if (tarball === undefined) throw new Error(`no tarball of ${name} was packed`);
    const home = path.join(modules, '@movies', name);
    mkdirSync(home, { recursive: true });
    const from = path.join(folder, tarball);
    execFileSync('tar', ['-xzf', from, '-C', home, '--strip-components=1']);
  }
  for (const name of ['undici', 'yaml', '@kubernetes']) {
    symlinkSync(path.join(root, 'node_modules', name), path.join(modules, name));
  }
  writeFileSync(path.join(folder, 'kubeconfig'), JSON.stringify(kubeconfig));
}

function variantsIn(folder: string): readonly Variant[] {
  const kubernetes = `const { KubernetesRegistry } = require('@movies/discovery/kubernetes'); new KubernetesRegistry();`;
  const internal = path.join(folder, 'node_modules/@movies/discovery/dist/kubernetes');
  const variant = (name: string, script: string): Variant => ({ name, script, loads: [] });
  return [
    variant('nothing', ''),
    variant('consul', `require('@movies/discovery/consul');`),
    variant('kubernetes, in a pod', kubernetes),
    variant(
      'kubernetes, with a kubeconfig',
      `${kubernetes}
      const { kubeAccessSource } = require(${JSON.stringify(path.join(internal, 'access/kube-access-source.js'))});
      const access = await kubeAccessSource({ env: { KUBECONFIG: ${JSON.stringify(path.join(folder, 'kubeconfig'))} } })();
      await access.credentials();`,
    ),
    variant('whole client-node', `await import('@kubernetes/client-node');`),
  ];
}

function load(folder: string, script: string, counting: boolean): Load {
  const hooks = `require('node:module').registerHooks({
    load(url, context, next) {
      const name = /\\/node_modules\\/((?:@[^/]+\\/)?[^/]+)\\/(?!.*\\/node_modules\\/)/.exec(url)?.[1];
      if (name !== undefined) files[name] = (files[name] ?? 0) + 1;
      return next(url, context);
    },
  });`;
  const program = `const files = {};
    ${counting ? hooks : ''}
    async function main() {
      const startedAt = performance.now();
      ${script}
      const ms = performance.now() - startedAt;
      process.stdout.write(JSON.stringify({ ms, rssBytes: process.memoryUsage.rss(), files }));
      process.exit();
    }
    main();`;
  const output = execFileSync(process.execPath, ['--eval', program], {
    cwd: folder,
    encoding: 'utf8',
    timeout: 30_000,
  });
  return JSON.parse(output) as Load;
}

function report(variants: readonly Variant[], count: (script: string) => Load): string {
  const msOf = ({ loads }: Variant) => median(loads.map(({ ms }) => ms));
  const megabytesOf = ({ loads }: Variant) => median(loads.map((l) => l.rssBytes)) / 1024 / 1024;
  const find = (name: string) => {
    const found = variants.find((variant) => variant.name === name);
    if (found === undefined) throw new Error(`'${name}' was not measured`);
    return found;
  };
  const consul = find('consul');
  const signed = (value: number) => `${value < 0 ? '' : '+'}${value.toFixed(0)}`;
  const rows = variants.map((variant) => {
    const { files } = count(variant.script);
    return [
      variant.name,
      msOf(variant).toFixed(0),
      megabytesOf(variant).toFixed(0),
      signed(msOf(variant) - msOf(consul)),
      signed(megabytesOf(variant) - megabytesOf(consul)),
      String(files['@kubernetes/client-node'] ?? 0),
      String(Object.values(files).reduce((sum, each) => sum + each, 0)),
    ];
  });
  const header = ['loaded', 'ms', 'RSS MB', 'ms', 'MB over consul', 'client-node files', 'files'];
  const against = (name: string) => {
    const more = find(name);
    const ms = againstAim(msOf(more) - msOf(consul), { most: 150 });
    const megabytes = againstAim(megabytesOf(more) - megabytesOf(consul), { most: 25 });
    return `${name}, more than consul: ms ${ms}, MB ${megabytes}`;
  };
  return [
    table(header, rows),
    '',
    against('kubernetes, in a pod'),
    against('kubernetes, with a kubeconfig'),
  ].join('\n');
}
