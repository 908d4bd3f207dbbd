import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ConsulAgent } from '../test/integration/consul-agent';
import { freePort, ServerProcess, untilAnswered } from './server-process';

/** One way to serve `GET /movie`, running. */
export interface Variant {
  readonly name: string;
  readonly url: string;
  readonly servers: readonly ServerProcess[];
  /** A Consul of its own, so that it finds only its own instances. */
  readonly agent?: ConsulAgent;
}

/** Logs are written to a file, as they are in a container. */
export const logFile = path.join(mkdtempSync(path.join(tmpdir(), 'movies-bench-')), 'servers.log');

/** A peer with fixed addresses: three processes of one script. */
export async function startPeer(name: string, script: string): Promise<Variant> {
  const [metadata, rating, movie] = [await freePort(), await freePort(), await freePort()].map(
    String,
  );
  const start = (...args: (string | undefined)[]) =>
    new ServerProcess({ script, args: args.filter((arg) => arg !== undefined), logFile });
  const upstreams = [start('metadata', metadata), start('rating', rating)];
  await untilAnswered(`http://127.0.0.1:${metadata ?? ''}/metadata?id=1`);
  await untilAnswered(`http://127.0.0.1:${rating ?? ''}/rating?type=movie&id=1`);
  const servers = [...upstreams, start('movie', movie, metadata, rating)];
  const url = `http://127.0.0.1:${movie ?? ''}/movie?id=1`;
  await untilAnswered(url);
  return { name, url, servers };
}

export interface OwnOptions {
  readonly name: string;
  /** The Consul binary; `undefined`: fixed addresses by `static:`. */
  readonly consul: string | undefined;
  /** Instances of metadata, and of rating. */
  readonly copies: number;
  /** For the Node of movie. */
  readonly nodeArgs?: readonly string[];
}

/** Our services, logs and metrics on, with a rating of 4.5 in each copy. */
export async function startOwn(options: OwnOptions): Promise<Variant> {
  const { name, consul, copies, nodeArgs = [] } = options;
  const agent = consul === undefined ? undefined : await ConsulAgent.start(consul);
  const start = (service: string, port: number, registry: string, extra: readonly string[] = []) =>
    new ServerProcess({
      script: `services/${service}/src/main.ts`,
      args: ['--port', String(port), '--host', '127.0.0.1', '--registry', registry],
      nodeArgs: extra,
      logFile,
    });
  const ports = (count: number) => Promise.all(Array.from({ length: count }, freePort));
  const [metadata, rating, [movie = 0]] = [
    await ports(copies),
    await ports(copies),
    await ports(1),
  ];
  const list = (addresses: readonly number[]) =>
    addresses.map((port) => `127.0.0.1:${port}`).join(',');
  const fixed = `static:metadata=${list(metadata)};rating=${list(rating)}`;
  const own = agent?.url ?? 'memory:';
  const servers = [
    ...metadata.map((port) => start('metadata', port, own)),
    ...rating.map((port) => start('rating', port, own)),
    start('movie', movie, agent?.url ?? fixed, nodeArgs),
  ];
  for (const port of rating) {
    await untilAnswered(`http://127.0.0.1:${port}/readyz`);
    for (const [user, value] of ['5', '4'].entries()) {
      const query = `id=1&type=movie&userId=${user}&value=${value}`;
      await fetch(`http://127.0.0.1:${port}/rating?${query}`, { method: 'PUT' });
    }
  }
  for (const port of metadata) await untilAnswered(`http://127.0.0.1:${port}/readyz`);
  const url = `http://127.0.0.1:${movie}/movie?id=1`;
  await untilAnswered(url);
  return { name, url, servers, ...(agent === undefined ? {} : { agent }) };
}

export async function stopVariant({ servers, agent }: Variant): Promise<void> {
  await Promise.all(servers.map((server) => server.stop()));
  await agent?.kill();
}
