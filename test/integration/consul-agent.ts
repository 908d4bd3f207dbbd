import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { Instance } from '@movies/discovery';
import { describeWith } from '../describe-with';
import { until } from '../until';
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

export interface ConsulAgentOptions {
  /** More configuration, as HCL. */
  readonly hcl?: string;
  /** Sent with what the tests ask of it. */
  readonly token?: string;
}

/** A real Consul server on free ports of 127.0.0.1, which keeps nothing when it ends. */
export class ConsulAgent {
  readonly port: number;
  /** For HTTPS, where the configuration names a certificate. */
  readonly httpsPort: number;
  readonly #options: ConsulAgentOptions;
  readonly #binary: string;
  readonly #otherPorts: readonly number[];
  #child: ChildProcess | undefined;

  private constructor(binary: string, ports: readonly number[], options: ConsulAgentOptions) {
    const [port = 0, httpsPort = 0, ...others] = ports;
    this.#binary = binary;
    this.port = port;
    this.httpsPort = httpsPort;
    this.#otherPorts = others;
    this.#options = options;
  }

  /** An agent whose ports are chosen, and that is not started yet. */
  static async create(binary: string, options: ConsulAgentOptions = {}): Promise<ConsulAgent> {
    return new ConsulAgent(binary, await freePorts(5), options);
  }

  static async start(binary: string, options: ConsulAgentOptions = {}): Promise<ConsulAgent> {
    const agent = await ConsulAgent.create(binary, options);
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
    const { hcl } = this.#options;
    const https = hcl?.includes('cert_file') === true ? this.httpsPort : -1;
    const ports = { http: this.port, https, server, 'serf-lan': lan, 'serf-wan': wan };
    const args = Object.entries(ports).flatMap(([name, port]) => [`-${name}-port`, String(port)]);
    const child = spawn(
      this.#binary,
      [
        ...['agent', '-dev', '-bind', '127.0.0.1', '-client', '127.0.0.1', '-log-level', 'error'],
        ...['-dns-port', '-1', '-grpc-port', '-1', '-grpc-tls-port', '-1', ...args],
        ...(hcl === undefined ? [] : ['-hcl', hcl]),
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
    return (await this.#fetch(path)).json();
  }

  /** PUT of its HTTP API; rejects if it does not answer 200. */
  async put(path: string, body?: unknown): Promise<unknown> {
    const response = await this.#fetch(path, {
      method: 'PUT',
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (response.status !== 200) throw new Error(`${path}: ${response.status} ${text}`);
    return text === '' ? undefined : (JSON.parse(text) as unknown);
  }

  /** DELETE of its HTTP API. */
  async remove(path: string): Promise<void> {
    await this.#fetch(path, { method: 'DELETE' });
  }

  /** Ids of the instances of a service that it calls passing. */
  async passing(service: string): Promise<string[]> {
    const entries = await this.get(`/v1/health/service/${service}?passing`);
    return (entries as { Service: { ID: string } }[]).map(({ Service: { ID } }) => ID).sort();
  }

  /** A dev agent answers before it leads, and leads before it knows itself and that there is a leader. */
  async #leads(): Promise<boolean> {
    try {
      const response = await this.#fetch('/v1/health/service/consul?passing&stale');
      const entries = (await response.json()) as unknown[];
      return entries.length === 1 && response.headers.get('x-consul-knownleader') === 'true';
    } catch {
      return false;
    }
  }

  #fetch(path: string, init: RequestInit = {}): Promise<Response> {
    const { token } = this.#options;
    const headers = token === undefined ? {} : { 'x-consul-token': token };
    return fetch(`http://127.0.0.1:${this.port}${path}`, { ...init, headers });
  }
}

/** Makes exactly these instances passing, as another program would, and waits until Consul says so. */
export async function publish(
  agent: ConsulAgent,
  service: string,
  instances: readonly Pick<Instance, 'id' | 'host' | 'port'>[],
): Promise<void> {
  const ids = instances.map(({ id }) => id).sort();
  for (const id of await agent.passing(service)) {
    if (!ids.includes(id)) await agent.put(`/v1/agent/service/deregister/${id}`);
  }
  for (const { id, host, port } of instances) {
    await agent.put('/v1/agent/service/register', {
      ID: id,
      Name: service,
      Address: host,
      Port: port,
      Check: { TTL: '10m', Status: 'passing' },
    });
  }
  await until(async () => (await agent.passing(service)).join() === ids.join());
}
