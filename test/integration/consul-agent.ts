import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { describeWith } from '../describe-with';
import { freePorts } from './free-ports';

const leaderLimitMs = 20_000;

/** The binary that users set, or have on their PATH; `undefined` if there is none. */
export function findConsul(): string | undefined {
  const binary = process.env['CONSUL_BIN'] ?? 'consul';
  return spawnSync(binary, ['version']).status === 0 ? binary : undefined;
}

/** `describeWith` a real Consul. */
export function describeWithConsul(name: string, suite: (binary: string) => void): void {
  const binary = findConsul();
  const missing = 'no Consul binary: set CONSUL_BIN, or have consul on the PATH';
  describeWith(name, binary === undefined ? missing : undefined, () => {
    suite(binary ?? '');
  });
}

/** A real Consul server on free ports of 127.0.0.1, which keeps nothing when it ends. */
export class ConsulAgent {
  readonly port: number;
  readonly #binary: string;
  readonly #otherPorts: readonly number[];
  #child: ChildProcess | undefined;

  private constructor(binary: string, port: number, otherPorts: readonly number[]) {
    this.#binary = binary;
    this.port = port;
    this.#otherPorts = otherPorts;
  }

  /** An agent whose ports are chosen, and that is not started yet. */
  static async create(binary: string): Promise<ConsulAgent> {
    const [port = 0, ...others] = await freePorts(4);
    return new ConsulAgent(binary, port, others);
  }

  static async start(binary: string): Promise<ConsulAgent> {
    const agent = await ConsulAgent.create(binary);
    await agent.start();
    return agent;
  }

  /** Its process, while it runs. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  get url(): string {
    return `consul://127.0.0.1:${this.port}`;
  }

  /** Starts it, empty, and resolves once it leads. */
  async start(): Promise<void> {
    const [server = 0, lan = 0, wan = 0] = this.#otherPorts;
    const ports = { http: this.port, server, 'serf-lan': lan, 'serf-wan': wan };
    const args = Object.entries(ports).flatMap(([name, port]) => [`-${name}-port`, String(port)]);
    const child = spawn(
      this.#binary,
      [
        ...['agent', '-dev', '-bind', '127.0.0.1', '-client', '127.0.0.1', '-log-level', 'error'],
        ...['-dns-port', '-1', '-grpc-port', '-1', '-grpc-tls-port', '-1', ...args],
      ],
      { stdio: 'ignore' },
    );
    this.#child = child;
    const deadline = performance.now() + leaderLimitMs;
    while (!(await this.#leads())) {
      if (child.exitCode !== null) throw new Error(`Consul ended with ${child.exitCode}`);
      if (performance.now() > deadline) throw new Error('Consul does not lead');
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  /** Ends it the hard way: what it knew is gone. Twice is fine. */
  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  }

  /** GET of its HTTP API, as JSON. */
  async get(path: string): Promise<unknown> {
    const response = await fetch(`http://127.0.0.1:${this.port}${path}`);
    return response.json();
  }

  /** PUT of its HTTP API; rejects if it does not answer 200. */
  async put(path: string, body?: unknown): Promise<void> {
    const url = `http://127.0.0.1:${this.port}${path}`;
    const { status } = await fetch(url, {
      method: 'PUT',
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (status !== 200) throw new Error(`Consul answered ${path} with ${status}`);
  }

  /** Ids of the instances of a service that it calls passing. */
  async passing(service: string): Promise<string[]> {
    const entries = await this.get(`/v1/health/service/${service}?passing`);
    return (entries as { Service: { ID: string } }[]).map(({ Service: { ID } }) => ID).sort();
  }

  /** A dev agent answers before it leads, and leads before it knows itself and that there is a leader. */
  async #leads(): Promise<boolean> {
    try {
      const url = `http://127.0.0.1:${this.port}/v1/health/service/consul?passing&stale`;
      const response = await fetch(url);
      const entries = (await response.json()) as unknown[];
      return entries.length === 1 && response.headers.get('x-consul-knownleader') === 'true';
    } catch {
      return false;
    }
  }
}
