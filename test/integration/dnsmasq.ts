import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { Resolver } from 'node:dns/promises';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { formatAddress, type Address } from '@movies/discovery';
import { delay, systemClock } from '@movies/time';
import { describeWith } from '../describe-with';

const limitMs = 10_000;

/** The binary that users set, or have on their PATH, where `/usr/sbin` often is not; `undefined` if there is none. */
function findDnsmasq(): string | undefined {
  const set = process.env['DNSMASQ_BIN'];
  const candidates = set === undefined ? ['dnsmasq', '/usr/sbin/dnsmasq'] : [set];
  return candidates.find((binary) => spawnSync(binary, ['--version']).status === 0);
}

/** `describeWith` a real dnsmasq. */
export function describeWithDnsmasq(name: string, suite: (binary: string) => void): void {
  const binary = findDnsmasq();
  const missing = 'no dnsmasq binary: set DNSMASQ_BIN, or have dnsmasq on the PATH or in /usr/sbin';
  describeWith(name, binary === undefined ? missing : undefined, () => {
    suite(binary ?? '');
  });
}

/** A name and an address, as a line of a hosts file. */
export type HostLine = readonly [name: string, address: string];

/** A real dnsmasq on a free port of 127.0.0.1 that knows the zone `test` and asks nobody. */
export class Dnsmasq {
  readonly address: Address;
  readonly #binary: string;
  readonly #options: readonly string[];
  readonly #directory = mkdtempSync(join(tmpdir(), 'dnsmasq-'));
  #child: ChildProcess | undefined;

  private constructor(binary: string, port: number, options: readonly string[]) {
    this.#binary = binary;
    this.address = { host: '127.0.0.1', port };
    this.#options = options;
    this.#write([]);
  }

  /** `options` as on its command line: `--srv-host=…` cannot be changed later, hosts can. */
  static async start(binary: string, options: readonly string[] = []): Promise<Dnsmasq> {
    for (let attempt = 1; ; attempt += 1) {
      const server = new Dnsmasq(binary, await freePort(), options);
      try {
        await server.restart();
        return server;
      } catch (error: unknown) {
        // Somebody may have taken the port meanwhile.
        await server.remove();
        if (attempt === 3) throw error;
      }
    }
  }

  /** Starts it, with the hosts that were set last, and resolves once it answers. */
  async restart(): Promise<void> {
    const child = spawn(
      this.#binary,
      [
        ...['--keep-in-foreground', '--conf-file=/dev/null', '--pid-file=', '--no-resolv'],
        ...['--no-hosts', `--addn-hosts=${this.#hostsFile}`, '--local=/test/', '--local-ttl=1'],
        // By default it changes to a user who may not read what only its starter may.
        ...[`--user=${userInfo().username}`, '--listen-address=127.0.0.1', '--bind-interfaces'],
        ...[`--port=${this.address.port}`, '--host-record=up.test,127.0.0.1', ...this.#options],
      ],
      { stdio: ['ignore', 'ignore', 'inherit'] },
    );
    this.#child = child;
    await this.#until('it does not answer', async () => {
      if (child.exitCode !== null) throw new Error(`dnsmasq ended with ${child.exitCode}`);
      return (await this.#ask('up.test')).length === 1;
    });
  }

  /** Writes exactly these into the hosts file and has it read (SIGHUP); does not wait for that. */
  setHosts(hosts: readonly HostLine[]): void {
    this.#write(hosts);
    this.#child?.kill('SIGHUP');
  }

  /** Resolves once it gives exactly these addresses for a name. */
  async gives(name: string, addresses: readonly string[]): Promise<void> {
    const expected = addresses.toSorted().join();
    await this.#until(
      `it does not give '${expected}' for ${name}`,
      async () => (await this.#ask(name)).sort().join() === expected,
    );
  }

  /** Ends it the hard way. Twice is fine. */
  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child?.exitCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  }

  /** Ends it for good. */
  async remove(): Promise<void> {
    await this.kill();
    rmSync(this.#directory, { recursive: true, force: true });
  }

  get #hostsFile(): string {
    return join(this.#directory, 'hosts');
  }

  #write(hosts: readonly HostLine[]): void {
    writeFileSync(this.#hostsFile, hosts.map(([name, address]) => `${address} ${name}\n`).join(''));
  }

  async #ask(name: string): Promise<string[]> {
    const resolver = new Resolver({ timeout: 500, tries: 1 });
    resolver.setServers([formatAddress(this.address)]);
    try {
      return await resolver.resolve4(`${name}.`);
    } catch (error: unknown) {
      if (typeof error === 'object' && error !== null && 'code' in error) return [];
      throw error;
    }
  }

  async #until(otherwise: string, isSo: () => Promise<boolean>): Promise<void> {
    const deadline = performance.now() + limitMs;
    while (!(await isSo())) {
      if (performance.now() > deadline) throw new Error(`dnsmasq: ${otherwise}`);
      await delay(20, systemClock, new AbortController().signal);
    }
  }
}

/** A port that was free a moment ago, for UDP and for TCP. */
async function freePort(): Promise<number> {
  const tcp = createServer().listen(0, '127.0.0.1');
  await once(tcp, 'listening');
  const { port } = tcp.address() as AddressInfo;
  const udp = createSocket('udp4').bind(port, '127.0.0.1');
  const isFree = await once(udp, 'listening').then(
    () => true,
    () => false,
  );
  udp.close();
  tcp.close();
  await Promise.all([once(udp, 'close'), once(tcp, 'close')]);
  return isFree ? port : freePort();
}
