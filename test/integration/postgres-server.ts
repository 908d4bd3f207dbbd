import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describeWith } from '../describe-with';
import { until } from '../until';
import { freePorts } from './free-ports';

/** Where initdb, postgres and psql are, of version 14 or later; `undefined` if there are none. */
export function findPostgres(): string | undefined {
  const config = spawnSync('pg_config', ['--bindir'], { encoding: 'utf8' });
  const candidates = [
    process.env['POSTGRES_BIN'],
    config.status === 0 ? config.stdout.trim() : undefined,
    ...(process.env['PATH'] ?? '').split(path.delimiter),
    // Debian keeps those of the server off the PATH.
    ...globSync('/usr/lib/postgresql/*/bin').sort().reverse(),
  ];
  return candidates.find((folder) => {
    if (folder === undefined || folder === '') return false;
    const { status, stdout } = spawnSync(path.join(folder, 'initdb'), ['--version'], {
      encoding: 'utf8',
    });
    return status === 0 && Number(/(\d+)/.exec(stdout)?.[1]) >= 14;
  });
}

/** `describeWith` a real PostgreSQL. */
export function describeWithPostgres(name: string, suite: (folder: string) => void): void {
  const folder = findPostgres();
  const missing =
    'no PostgreSQL 14 or later: set POSTGRES_BIN to the folder of its programs (Debian: apt-get install postgresql)';
  describeWith(name, folder === undefined ? missing : undefined, () => {
    suite(folder ?? '');
  });
}

/** A real PostgreSQL on a free port of 127.0.0.1, in a folder of its own; its superuser is `postgres`. */
export class PostgresServer {
  readonly port: number;
  readonly #programs: string;
  readonly #folder: string;
  /** It refuses to run as root. */
  readonly #user: { readonly uid?: number; readonly gid?: number };
  #child: ChildProcess | undefined;
  #databases = 0;

  private constructor(programs: string, port: number) {
    this.#programs = programs;
    this.port = port;
    this.#user = process.getuid?.() === 0 ? { uid: idOf('-u'), gid: idOf('-g') } : {};
    this.#folder = mkdtempSync(path.join(tmpdir(), 'movies-postgres-'));
    if (this.#user.uid !== undefined) chownSync(this.#folder, this.#user.uid, this.#user.gid ?? 0);
  }

  /** Makes one, and starts it. */
  static async start(programs: string): Promise<PostgresServer> {
    const [port = 0] = await freePorts(1);
    const server = new PostgresServer(programs, port);
    const args = ['--pgdata', server.#folder, '--username=postgres', '--auth=trust', '--no-sync'];
    server.#run('initdb', [...args, '--encoding=UTF8', '--locale=C.UTF-8']);
    await server.start();
    return server;
  }

  get folder(): string {
    return this.#folder;
  }

  /** Starts it, also while the remains of a killed one are still going; resolves once it answers. */
  async start(): Promise<void> {
    await until(async () => {
      const settings = { listen_addresses: '127.0.0.1', unix_socket_directories: '' };
      const args = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
      const child = spawn(
        path.join(this.#programs, 'postgres'),
        ['-D', this.#folder, '-p', String(this.port), ...args],
        { ...this.#user, cwd: this.#folder, stdio: 'ignore' },
      );
      this.#child = child;
      while (child.exitCode === null && child.signalCode === null) {
        if (this.#answers()) return true;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      return false;
    }, 30_000);
  }

  /** Stops it in order, and does not wait for its clients: SIGINT is its fast shutdown. */
  async stop(): Promise<void> {
    await this.#end(() => this.#child?.kill('SIGINT'));
  }

  /** Ends it with all its processes as `kill -9` does. */
  async kill(): Promise<void> {
    await this.#end(() => {
      this.#signalAll('SIGKILL');
    });
  }

  /** All of it stands still, and every connection stays open. */
  pause(): void {
    this.#signalAll('SIGSTOP');
  }

  resume(): void {
    this.#signalAll('SIGCONT');
  }

  /** Stops it, and removes its folder. Twice is fine. */
  async close(): Promise<void> {
    await this.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** Makes an empty database, and gives its URL. */
  createDatabase(user = 'postgres'): string {
    this.#databases += 1;
    const name = `movies_${this.#databases}`;
    this.sql(`CREATE DATABASE ${name}`);
    return `postgres://${user}@127.0.0.1:${this.port}/${name}`;
  }

  /** Runs SQL as the superuser; gives the rows as lines, their columns parted by `|`. */
  sql(text: string, url = `postgres://postgres@127.0.0.1:${this.port}/postgres`): string[] {
    const output = this.#run('psql', ['-XAtq', '-v', 'ON_ERROR_STOP=1', '-c', text, url]);
    return output.split('\n').filter((line) => line !== '');
  }

  /** Puts lines before its list of who may connect how, and reads it anew. */
  allow(lines: readonly string[]): void {
    const file = path.join(this.#folder, 'pg_hba.conf');
    writeFileSync(file, [...lines, readFileSync(file, 'utf8')].join('\n'));
    this.sql('SELECT pg_reload_conf()');
  }

  /** Lets it speak TLS, too. */
  enableTls({ cert, key }: { readonly cert: string; readonly key: string }): void {
    for (const [name, text] of Object.entries({ 'server.crt': cert, 'server.key': key })) {
      const file = path.join(this.#folder, name);
      writeFileSync(file, text, { mode: 0o600 });
      if (this.#user.uid !== undefined) chownSync(file, this.#user.uid, this.#user.gid ?? 0);
    }
    this.sql('ALTER SYSTEM SET ssl = on');
    this.sql('SELECT pg_reload_conf()');
  }

  async #end(how: () => void): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child?.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    this.#child = child;
    how();
    this.#child = undefined;
    await ended;
  }

  /** Each of its processes leads a group of its own, so they are signalled one by one. */
  #signalAll(signal: NodeJS.Signals): void {
    const pid = this.#child?.pid;
    if (pid === undefined) return;
    const parent = String(pid);
    const found = spawnSync('ps', ['-o', 'pid=', '--ppid', parent], { encoding: 'utf8' });
    process.kill(pid, signal);
    for (const line of found.stdout.split('\n')) {
      const each = Number(line);
      if (each > 0) signalIfThere(each, signal);
    }
  }

  #answers(): boolean {
    const args = ['-q', '-h', '127.0.0.1', '-p', String(this.port), '-t', '1'];
    return spawnSync(path.join(this.#programs, 'pg_isready'), args).status === 0;
  }

  #run(program: string, args: readonly string[]): string {
    const { status, stdout, stderr } = spawnSync(path.join(this.#programs, program), args, {
      ...this.#user,
      cwd: this.#folder,
      encoding: 'utf8',
    });
    if (status !== 0) throw new Error(`${program} ended with ${status ?? 'a signal'}: ${stderr}`);
    return stdout;
  }
}

function idOf(flag: '-u' | '-g'): number {
  const { status, stdout } = spawnSync('id', [flag, 'postgres'], { encoding: 'utf8' });
  if (status !== 0) throw new Error('as root, PostgreSQL is run by the user postgres: add one');
  return Number(stdout);
}

/** It may have ended since it was listed. */
function signalIfThere(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error: unknown) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
