import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

const script = path.resolve(__dirname, '../../scripts/load-images.sh');
const images = 'movies/metadata:1.2.3 movies/rating:1.2.3 movies/movie:1.2.3';
const archive = expect.stringMatching(/^\/.*\/images\.tar$/) as string;

/** Tools that note how they were called, and answer what a test says. */
class Tools {
  readonly #folder = mkdtempSync(path.join(tmpdir(), 'movies-tools-'));
  readonly #calls = path.join(this.#folder, 'calls');

  /** `answers` is the body of a `case` on the arguments. */
  add(name: string, answers = ''): this {
    const text = `#!/bin/sh\necho "${name} $*" >>'${this.#calls}'\ncase "$*" in\n${answers}\n*) ;;\nesac\n`;
    writeFileSync(path.join(this.#folder, name), text, { mode: 0o755 });
    return this;
  }

  run(env: Readonly<Record<string, string>> = {}): { code: number | null; errors: string } {
    const { status, stderr } = spawnSync('/bin/sh', [script], {
      // Only what the script itself needs besides, so that no tool of this machine is found.
      env: { PATH: `${this.#folder}:${this.#basics()}`, VERSION: '1.2.3', ...env },
      encoding: 'utf8',
      timeout: 20_000,
    });
    return { code: status, errors: stderr };
  }

  /** The calls of one tool, as lists of words. */
  calls(name: string): string[][] {
    const lines = readFileSync(this.#calls, 'utf8').trim().split('\n');
    return lines.map((line) => line.split(' ')).filter(([first]) => first === name);
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true });
  }

  #basics(): string {
    const folder = path.join(this.#folder, 'basics');
    const links = ['cat', 'dirname', 'grep', 'mktemp', 'rm'].map(
      (name) => `ln -s "$(command -v ${name})" '${folder}/${name}'`,
    );
    spawnSync('/bin/sh', ['-c', `mkdir -p '${folder}'; ${links.join('; ')}`]);
    return folder;
  }
}

const minikubeContext = (name: string, provider: string) => `
'config current-context') echo ${name} ;;
'config view --minify'*) echo ${provider} ;;`;

let tools: Tools;
beforeEach(() => {
  tools = new Tools().add('docker');
});
afterEach(() => {
  tools.remove();
});

it('loads into the kind cluster of the current context', () => {
  tools.add('kubectl', "'config current-context') echo kind-blue ;;").add('kind');
  expect(tools.run()).toEqual({ code: 0, errors: '' });
  expect(tools.calls('kind')).toEqual([
    ['kind', 'load', 'image-archive', '--name', 'blue', archive],
  ]);
});

it('loads into minikube, whatever its context is called', () => {
  tools.add('kubectl', minikubeContext('green', 'minikube.sigs.k8s.io')).add('minikube');
  expect(tools.run()).toEqual({ code: 0, errors: '' });
  expect(tools.calls('minikube')).toEqual([
    ['minikube', '--profile', 'green', 'image', 'load', archive],
  ]);
});

it('gives the archive to IMAGE_LOADER, and then asks for no context', () => {
  tools.add('loader');
  expect(tools.run({ IMAGE_LOADER: 'loader --quick' })).toEqual({ code: 0, errors: '' });
  expect(tools.calls('loader')).toEqual([['loader', '--quick', archive]]);
});

it('saves the three in one archive', () => {
  tools.add('loader').run({ IMAGE_LOADER: 'loader' });
  expect(tools.calls('docker').at(-1)).toEqual([
    ...['docker', 'save', '--output', archive],
    ...images.split(' '),
  ]);
});

it('saves one platform where the image store may hold several', () => {
  tools.add('loader').add(
    'docker',
    `
info*) echo '[[driver-type io.containerd.snapshotter.v1]]' ;;
version*) echo linux/arm64 ;;`,
  );
  expect(tools.run({ IMAGE_LOADER: 'loader' }).code).toBe(0);
  expect(tools.calls('docker').at(-1)?.slice(0, 4)).toEqual([
    ...['docker', 'save', '--platform', 'linux/arm64'],
  ]);
});

it('touches no cluster that it does not know', () => {
  tools.add('kubectl', minikubeContext('production', '""')).add('kind').add('minikube');
  const { code, errors } = tools.run();
  expect(code).toBe(1);
  expect(errors).toBe(
    "make load-images: the context 'production' is neither of kind nor of minikube: " +
      'IMAGE_LOADER=<command that reads image archives>\n',
  );
  expect(tools.calls('docker').flat()).not.toContain('save');
});

it.each([
  ['no Docker', 'nodocker', "'nodocker' is not there; make doctor says how to get it"],
  ['no kubectl', 'docker', "'kubectl' is not there; make doctor says how to get it"],
])('says that there is %s', (_, client, message) => {
  expect(tools.run({ DOCKER: client })).toEqual({
    code: 1,
    errors: `make load-images: ${message}\n`,
  });
});

it('says that there is no current context', () => {
  tools.add('kubectl', "'config current-context') exit 1 ;;");
  expect(tools.run()).toMatchObject({
    code: 1,
    errors: expect.stringContaining('kubectl has no current context') as string,
  });
});

it('says which image is missing, and how to make it', () => {
  tools.add('docker', "'image inspect movies/rating:1.2.3') exit 1 ;;").add('loader');
  expect(tools.run({ IMAGE_LOADER: 'loader' })).toEqual({
    code: 1,
    errors: 'make load-images: there is no movies/rating:1.2.3: make images VERSION=1.2.3\n',
  });
});

it('fails with what loads', () => {
  tools.add('loader', '*) exit 3 ;;');
  expect(tools.run({ IMAGE_LOADER: 'loader' })).toEqual({
    code: 1,
    errors: "make load-images: 'loader' has failed\n",
  });
});
