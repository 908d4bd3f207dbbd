import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describeWith } from '../describe-with';

const root = path.resolve(__dirname, '../..');

/** What the scripts use of a system besides the stand-ins: in POSIX, or on macOS, Debian and Alpine alike. */
const basics = [
  ...['cat', 'date', 'dirname', 'grep', 'head', 'ln', 'mkfifo', 'mktemp', 'rm', 'sed', 'sleep'],
  ...['tail', 'tr'],
];

/** Where the user's kubectl points. */
export interface Context {
  readonly context: string;
  readonly cluster?: string;
  /** What minikube writes into the kubeconfig. */
  readonly isMinikube?: boolean;
}

export interface Result {
  readonly code: number | null;
  readonly output: string;
  readonly errors: string;
}

type Env = Readonly<Record<string, string>>;

/** The path of a program of this machine. */
export function programOf(name: string): string | undefined {
  const { stdout } = spawnSync('/bin/sh', ['-c', `command -v ${name}`], { encoding: 'utf8' });
  return stdout.trim() === '' ? undefined : stdout.trim();
}

/** A suite for each shell that people have as their sh. */
export function describeScripts(name: string, suite: (shell: string) => void): void {
  for (const shell of ['dash', 'bash']) {
    const program = programOf(shell);
    const missing = program === undefined ? `no ${shell} on the PATH` : undefined;
    describeWith(`${name}, with ${shell} as sh`, missing, () => {
      suite(program ?? shell);
    });
  }
}

/** A machine for a script: a shell, its basics, and tools that note how they were called and answer what a test says. */
export class ScriptTools {
  readonly folder = mkdtempSync(path.join(tmpdir(), 'movies-tools-'));
  readonly #calls = path.join(this.folder, 'calls');
  readonly #kubeconfig = path.join(this.folder, 'kubeconfig');

  constructor(shell: string) {
    writeFileSync(this.#calls, '');
    // With it as sh, bash is in its POSIX mode.
    symlinkSync(shell, path.join(this.folder, 'sh'));
    for (const name of basics) symlinkSync(programOf(name) ?? name, path.join(this.folder, name));
  }

  /** `answers` is the body of a `case` on the arguments. */
  add(name: string, answers = ''): this {
    const note = `echo "${name} $(echo "$*" | tr '\\n' ' ')" >>'${this.#calls}'`;
    const text = `#!/bin/sh\n${note}\ncase "$*" in\n${answers}\n*) ;;\nesac\n`;
    writeFileSync(path.join(this.folder, name), text, { mode: 0o755 });
    return this;
  }

  /** A kubectl that is real in what it says of its configuration. */
  kubectl(where: Context, answers = ''): this {
    const real = programOf('kubectl') ?? 'kubectl';
    writeFileSync(this.#kubeconfig, JSON.stringify(kubeconfig(where)));
    return this.add('kubectl', `'config '*) exec '${real}' "$@" ;;\n${answers}`);
  }

  run(script: string, env: Env = {}): Result {
    const { status, stdout, stderr } = spawnSync(this.#sh, [`scripts/${script}`], {
      ...this.#options(env),
      encoding: 'utf8',
      timeout: 20_000,
    });
    return { code: status, output: stdout, errors: stderr };
  }

  /** A script that goes on until it is told to stop; the leader of its processes' group. */
  start(script: string, env: Env = {}): ChildProcess {
    return spawn(this.#sh, [`scripts/${script}`], { ...this.#options(env), detached: true });
  }

  /** The calls of one tool, each as a line. */
  calls(name: string): string[] {
    const lines = readFileSync(this.#calls, 'utf8').trim().split('\n');
    return lines.filter((line) => line.startsWith(`${name} `)).map((line) => line.trim());
  }

  remove(): void {
    rmSync(this.folder, { recursive: true });
  }

  get #sh(): string {
    return path.join(this.folder, 'sh');
  }

  #options(env: Env) {
    const own = { PATH: this.folder, KUBECONFIG: this.#kubeconfig, TMPDIR: this.#temporary() };
    return { cwd: root, env: { ...own, VERSION: '1.2.3', ...env } };
  }

  /** Where a script leaves something behind, or nothing. */
  #temporary(): string {
    const folder = path.join(this.folder, 'tmp');
    mkdirSync(folder, { recursive: true });
    return folder;
  }
}

function kubeconfig({ context, cluster = context, isMinikube = false }: Context) {
  const extension = { provider: 'minikube.sigs.k8s.io', version: 'v1.38.0' };
  const extensions = isMinikube ? [{ name: 'cluster_info', extension }] : [];
  const server = 'https://127.0.0.1:1';
  return {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': context,
    clusters: [{ name: cluster, cluster: { server, extensions } }],
    contexts: [{ name: context, context: { cluster, user: 'user' } }],
    users: [{ name: 'user', user: {} }],
  };
}
