import { execFile, type ChildProcess } from 'node:child_process';
import { mkdtempSync, realpathSync } from 'node:fs';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

export const root = path.resolve(__dirname, '../..');

/** Shorter than a test's, so that a script that does not end is ended, and named. */
const limitMs = 25_000;
/** npm may have to fetch undici, and what else is installed. */
const installLimitMs = 60_000;

/** A project outside of the repository that has nothing but the packed library. */
export class Elsewhere {
  readonly folder = realpathSync(mkdtempSync(path.join(tmpdir(), 'elsewhere-')));

  /** Packs the library and installs it as a user does, beside `others`: packages as npm names them. */
  async install(...others: string[]): Promise<void> {
    // Without a manifest npm installs into the next folder above that has one.
    await this.write('package.json', '{ "private": true }');
    const packScript = path.join(root, 'scripts/pack.mjs');
    await this.#run(process.execPath, [packScript, 'packed'], installLimitMs);
    const tarballs = await readdir(path.join(this.folder, 'packed'));
    const files = tarballs.map((name) => `./packed/${name}`);
    await this.#run(
      'npm',
      ['install', '--no-audit', '--no-fund', ...files, ...others],
      installLimitMs,
    );
  }

  /** Runs a script of this project; resolves with what it printed, rejects unless it ends with 0. */
  node(script: string, ...args: string[]): Promise<string> {
    return this.#run(process.execPath, [script, ...args], limitMs);
  }

  /** The same by another Node. */
  nodeAt(executable: string, script: string): Promise<string> {
    return this.#run(executable, [script], limitMs);
  }

  /** Starts a script that goes on until it gets a signal; `ended` settles as what `node` returns. */
  start(script: string): { readonly child: ChildProcess; readonly ended: Promise<string> } {
    return this.#start(process.execPath, [script], limitMs);
  }

  /** Compiles files of this project: strict, and what the packages declare as well. Rejects with what is wrong. */
  async typeCheck(...files: string[]): Promise<string> {
    const compilerOptions = {
      module: 'NodeNext',
      target: 'ES2023',
      strict: true,
      skipLibCheck: false,
      rootDir: '.',
      outDir: 'compiled',
      types: ['node'],
      typeRoots: [path.join(root, 'node_modules/@types')],
    };
    await this.write('tsconfig.json', JSON.stringify({ compilerOptions, files }));
    return this.tool('typescript/bin/tsc');
  }

  /** Runs a tool that the repository brings along. */
  tool(script: string, ...args: string[]): Promise<string> {
    return this.node(path.join(root, 'node_modules', script), ...args);
  }

  /** The files below a folder of this project, ordered. */
  async files(folder: string): Promise<string[]> {
    const base = path.join(this.folder, folder);
    const entries = await readdir(base, { recursive: true, withFileTypes: true });
    return entries
      .filter((entry) => entry.isFile())
      .map(({ parentPath, name }) => path.relative(base, path.join(parentPath, name)))
      .sort();
  }

  read(...names: string[]): Promise<string> {
    return readFile(path.join(this.folder, ...names), 'utf8');
  }

  write(name: string, text: string): Promise<void> {
    return writeFile(path.join(this.folder, name), text);
  }

  async close(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }

  #run(file: string, args: readonly string[], timeout: number): Promise<string> {
    return this.#start(file, args, timeout).ended;
  }

  #start(file: string, args: readonly string[], timeout: number) {
    const running = promisify(execFile)(file, args, { cwd: this.folder, timeout });
    const ended = running.then(
      ({ stdout }) => stdout,
      (error: unknown) => {
        const { message, stdout, stderr } = error as Error & { stdout: string; stderr: string };
        throw new Error(`${message}\n${stdout}\n${stderr}`, { cause: error });
      },
    );
    return { child: running.child, ended };
  }
}
