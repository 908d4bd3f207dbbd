import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

export const root = path.resolve(__dirname, '../..');

/** For each tool that runs; npm may have to fetch undici. */
const limitMs = 90_000;

/** A project outside of the repository that has nothing but the packed library, installed as a user does it. */
export class Elsewhere {
  readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  static async open(): Promise<Elsewhere> {
    const elsewhere = new Elsewhere(
      await realpath(await mkdtemp(path.join(tmpdir(), 'elsewhere-'))),
    );
    try {
      // Without a manifest npm installs into the next folder above that has one.
      await elsewhere.write('package.json', '{ "private": true }');
      await elsewhere.#run(process.execPath, path.join(root, 'scripts/pack.mjs'), 'packed');
      const tarballs = await readdir(path.join(elsewhere.folder, 'packed'));
      const files = tarballs.map((name) => `./packed/${name}`);
      await elsewhere.#run('npm', 'install', '--no-audit', '--no-fund', ...files);
      return elsewhere;
    } catch (error: unknown) {
      await elsewhere.close();
      throw error;
    }
  }

  /** Runs a script of this project; resolves with what it printed, rejects unless it ends with 0. */
  node(script: string, ...args: string[]): Promise<string> {
    return this.#run(process.execPath, script, ...args);
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

  #run(file: string, ...args: string[]): Promise<string> {
    return new Promise((resolve, reject) => {
      const options = { cwd: this.folder, timeout: limitMs };
      execFile(file, args, options, (error, output, errors) => {
        if (error === null) resolve(output);
        else reject(new Error(`${error.message}\n${output}\n${errors}`, { cause: error }));
      });
    });
  }
}
