import { ManualClock } from '@movies/time/testing';
import type { Remarks } from '../../adapter/source';
import type { SourceFailure } from '../../adapter/source-failure';
import { formatAddress } from '../../address';
import { DnsClient, type Family } from '../dns-client';
import { askAddresses, askSrv } from '../dns-question';
import { DnsSource } from '../dns-source';
import type { Instance } from '../../instance';
import { FakeDns, type DnsRecord } from '../../testing/fake-dns';

/** What a source told in one turn. */
export interface Turn extends Remarks {
  /** Of the set that was told last; `undefined` if none was. */
  readonly instances: readonly Instance[] | undefined;
  readonly failure: SourceFailure | undefined;
  readonly waitMs: number | undefined;
}

export interface DnsTurnsOptions {
  readonly name: string;
  readonly records?: readonly DnsRecord[];
  /** The number of a port asks for addresses, a name for SRV records. */
  readonly port: number | string;
  readonly families?: readonly Family[];
}

/** A source of DNS over a fake server, on a clock that stands, run a turn at a time by the test. */
export async function openDnsTurns({
  name,
  records = [],
  port,
  families = [4, 6],
}: DnsTurnsOptions) {
  const dns = await FakeDns.start();
  dns.records = records;
  const clock = new ManualClock();
  const client = new DnsClient({ servers: () => [formatAddress(dns.address)], clock });
  const of = { client, families, name, clock };
  const told: { instances: readonly Instance[]; remarks: Remarks }[] = [];
  const source = new DnsSource({
    client,
    question: typeof port === 'number' ? askAddresses(of, port) : askSrv(of, port),
    families,
    service: 'metadata',
    sink: {
      publish: (instances, remarks = {}) => {
        told.push({ instances, remarks });
      },
      fail: () => undefined,
    },
    clock,
    random: () => 0,
  });
  const stop = new AbortController();
  const turn = async (): Promise<Turn> => {
    told.length = 0;
    const outcome = await source.turn(stop.signal).then(
      (waitMs) => ({ waitMs, failure: undefined }),
      (error: unknown) => ({ waitMs: undefined, failure: error as SourceFailure }),
    );
    return { instances: told.at(-1)?.instances, ...told.at(-1)?.remarks, ...outcome };
  };
  return {
    dns,
    clock,
    client,
    turn,
    /** The set of the next turn, by id. */
    ids: async () => (await turn()).instances?.map(({ id }) => id).sort(),
    /** What was told last since the turn began. */
    told: () => told.at(-1),
    /** Of the second turn in a row without an instance, which counts. */
    emptyBecause: async () => {
      await turn();
      return (await turn()).emptyBecause;
    },
    abort: () => {
      stop.abort();
    },
    [Symbol.asyncDispose]: async () => {
      stop.abort();
      source.close();
      await dns.stop();
    },
  };
}
