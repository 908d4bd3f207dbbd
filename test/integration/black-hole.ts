import { spawnSync } from 'node:child_process';

/** What is missing to make one; `undefined` if nothing is. */
export function missingForBlackHole(): string | undefined {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'it needs root on Linux';
  for (const [tool, arg] of [
    ['ip', '-V'],
    ['iptables', '-V'],
  ] as const) {
    if (spawnSync(tool, [arg]).status !== 0) return `${tool} is not on the PATH`;
  }
  const name = `movies-try-${process.pid}`;
  const { status, stderr } = spawnSync('ip', ['netns', 'add', name], { encoding: 'utf8' });
  if (status !== 0) return `no network namespace can be made: ${stderr.trim()}`;
  run('ip', 'netns', 'del', name);
  return undefined;
}

/**
 * A network namespace with one address, to which packets vanish at will: nobody is told, as when a node dies or a
 * firewall forgets a connection.
 */
export class BlackHole {
  readonly namespace = `movies-${process.pid}`;
  readonly host: string;
  readonly #link = `mvh${process.pid}`;

  constructor() {
    // Of the range for benchmarks (RFC 2544), which nobody routes.
    const net = `198.18.${process.pid % 250}`;
    const [here, there] = [this.#link, `mvt${process.pid}`];
    this.host = `${net}.2`;
    run('ip', 'netns', 'add', this.namespace);
    run('ip', 'link', 'add', here, 'type', 'veth', 'peer', 'name', there);
    run('ip', 'link', 'set', there, 'netns', this.namespace);
    run('ip', 'address', 'add', `${net}.1/30`, 'dev', here);
    run('ip', 'link', 'set', here, 'up');
    this.#inside('ip', 'address', 'add', `${this.host}/30`, 'dev', there);
    this.#inside('ip', 'link', 'set', there, 'up');
  }

  /** Lets the packets vanish: of one client's port, or all. */
  swallow(port?: number): void {
    const [from, to] =
      port === undefined
        ? [[], []]
        : [
            ['-p', 'tcp', '--sport', String(port)],
            ['-p', 'tcp', '--dport', String(port)],
          ];
    this.#inside('iptables', '-A', 'INPUT', ...from, '-j', 'DROP');
    this.#inside('iptables', '-A', 'OUTPUT', ...to, '-j', 'DROP');
  }

  /** Lets them all pass again. */
  release(): void {
    this.#inside('iptables', '-F');
  }

  close(): void {
    // First, since those of a namespace go some time after it.
    run('ip', 'link', 'del', this.#link);
    run('ip', 'netns', 'del', this.namespace);
  }

  #inside(...command: string[]): void {
    run('ip', 'netns', 'exec', this.namespace, ...command);
  }
}

function run(file: string, ...args: string[]): void {
  const { status, stderr } = spawnSync(file, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${file} ${args.join(' ')}: ${stderr.trim()}`);
}
