import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ManualClock, until } from '@movies/time/testing';
import { formatAddress } from '../address';
import { FakeDns, type DnsReaction, type DnsRecord } from '../testing/fake-dns';
import { DnsClient } from './dns-client';

const { signal } = new AbortController();

const name = 'metadata.local';
const a = (data: string, ttl = 5): DnsRecord => ({ type: 'A', name, data, ttl });

/** A client of two servers that know the same, on a clock that stands. */
async function open(records: readonly DnsRecord[] = []) {
  const [dns, second] = [await FakeDns.start(), await FakeDns.start()];
  dns.records = second.records = records;
  const clock = new ManualClock();
  const client = new DnsClient({ servers: () => [formatAddress(dns.address)], clock });
  const both = new DnsClient({
    servers: () => [formatAddress(dns.address), formatAddress(second.address)],
    clock,
  });
  return {
    dns,
    second,
    clock,
    client,
    both,
    /** How often each server was asked since the last call. */
    asked: () => [dns, second].map(({ queries }) => queries.splice(0).length),
    [Symbol.asyncDispose]: async () => {
      client.cancel();
      both.cancel();
      await dns.stop();
      await second.stop();
    },
  };
}

describe('DnsClient', () => {
  it('gives addresses of each family with their TTL, and SRV records', async () => {
    const srv = { target: 'a.local', port: 8080, priority: 1, weight: 2 };
    await using opened = await open([
      a('10.0.0.1', 7),
      { type: 'AAAA', name, data: 'fd00::1', ttl: 9 },
      { type: 'SRV', name, data: srv },
    ]);
    const { client } = opened;
    expect(await client.addresses(`${name}.`, 4, signal)).toEqual({
      records: [{ address: '10.0.0.1', ttl: 7 }],
      exists: true,
    });
    expect(await client.addresses(`${name}.`, 6, signal)).toMatchObject({
      records: [{ address: 'fd00::1', ttl: 9 }],
    });
    expect(await client.srv(`${name}.`, signal)).toMatchObject({
      records: [{ name: 'a.local', port: 8080, priority: 1, weight: 2 }],
    });
  });

  it('tells a name that does not exist from one without such a record', async () => {
    await using opened = await open([a('10.0.0.1')]);
    const none = { records: [], exists: false };
    expect(await opened.client.addresses('nobody.local.', 4, signal)).toEqual(none);
    expect(await opened.client.addresses(`${name}.`, 6, signal)).toEqual({ ...none, exists: true });
  });

  it('asks over TCP for an answer that UDP cannot hold', async () => {
    const many = Array.from({ length: 300 }, (_, i) => a(`10.0.${i >> 8}.${i & 255}`));
    await using opened = await open(many);
    const { client, dns } = opened;
    const { records } = await client.addresses(`${name}.`, 4, signal);
    expect(new Set(records.map(({ address }) => address)).size).toBe(300);
    expect(dns.queries.map(({ over }) => over)).toEqual(['udp', 'tcp']);
    await until(() => dns.connections === 0);
  });

  it('asks the server each time, and keeps no answer for its TTL', async () => {
    await using opened = await open([a('10.0.0.1', 3600)]);
    const { client, dns } = opened;
    await client.addresses(`${name}.`, 4, signal);
    dns.records = [a('10.0.0.2', 3600)];
    expect(await client.addresses(`${name}.`, 4, signal)).toMatchObject({
      records: [{ address: '10.0.0.2', ttl: 3600 }],
    });
    dns.records = [];
    expect(await client.addresses(`${name}.`, 4, signal)).toMatchObject({ records: [] });
    dns.records = [a('10.0.0.3')];
    expect((await client.addresses(`${name}.`, 4, signal)).records).toHaveLength(1);
    expect(dns.queries).toHaveLength(4);
  });

  it.each([
    ['SERVFAIL', 'servfail', 'the server failed (SERVFAIL)', 'refused'],
    ['REFUSED', 'refused', 'the server refuses to answer (REFUSED)', 'refused'],
    ['garbage', 'bad_answer', 'EBADRESP', 'malformed'],
  ] as const)('says of %s what was asked of whom', async (reaction, reason, words, kind) => {
    await using opened = await open([a('10.0.0.1')]);
    const { client, dns } = opened;
    dns.react = () => reaction;
    await expect(client.addresses(`${name}.`, 4, signal)).rejects.toMatchObject({
      message: `'${name}.' A, asked of 127.0.0.1:${dns.address.port}: ${words}`,
      name: 'SourceFailure',
      kind,
      reason,
    });
  });

  it('says that nothing listens', async () => {
    const { dns, client, ...opened } = await open();
    await opened[Symbol.asyncDispose]();
    await expect(client.srv(`${name}.`, signal)).rejects.toMatchObject({
      message: `'${name}.' SRV, asked of 127.0.0.1:${dns.address.port}: no DNS server can be reached there`,
      reason: 'unreachable',
    });
  });

  it('says that a name cannot be one', async () => {
    await using opened = await open();
    await expect(opened.client.srv('a..b.', signal)).rejects.toMatchObject({ reason: 'bad_name' });
  });

  it('gives a silent server 5 s', async () => {
    await using opened = await open();
    const { client, dns, clock } = opened;
    dns.react = () => 'silence';
    const asking = client.addresses(`${name}.`, 4, signal);
    const rejected = expect(asking).rejects.toMatchObject({
      message: expect.stringContaining('no answer in time') as string,
      reason: 'timeout',
    });
    await clock.advance(5000);
    await rejected;
    expect(clock.pending).toBe(0);
  });

  it('puts a question that was lost a second time', async () => {
    await using opened = await open([a('10.0.0.1')]);
    const { client, dns } = opened;
    dns.react = () => (dns.queries.length === 0 ? 'silence' : undefined);
    expect((await client.addresses(`${name}.`, 4, signal)).records).toHaveLength(1);
    expect(dns.queries).toHaveLength(2);
  });

  it('ends by cancel what is under way, and asks nothing for a signal that is aborted', async () => {
    await using opened = await open();
    const { client, dns } = opened;
    dns.react = () => 'silence';
    const asking = client.addresses(`${name}.`, 4, signal);
    await until(() => dns.queries.length === 1);
    client.cancel();
    await expect(asking).rejects.toMatchObject({ reason: 'timeout' });
    await expect(client.addresses(`${name}.`, 4, AbortSignal.abort())).rejects.toThrow();
    expect(dns.queries).toHaveLength(1);
  });
});

describe('DnsClient with two servers', () => {
  const troubles: [string, DnsReaction | 'stopped'][] = [
    ['fails', 'SERVFAIL'],
    ['refuses', 'REFUSED'],
    ['sends garbage', 'garbage'],
    ['is not there', 'stopped'],
  ];

  it.each(troubles)('asks the second one at once when the first one %s', async (_, trouble) => {
    await using opened = await open([a('10.0.0.1')]);
    const { both, dns, second } = opened;
    if (trouble === 'stopped') await dns.stop();
    else dns.react = () => trouble;
    expect((await both.addresses(`${name}.`, 4, signal)).records).toHaveLength(1);
    expect(second.queries).toHaveLength(1);
    expect(both.trouble).toMatch(
      new RegExp(`^the DNS server 127.0.0.1:${dns.address.port} is passed over`),
    );
  });

  it('asks the second one beside the first one when that is silent for 500 ms', async () => {
    await using opened = await open([a('10.0.0.1')]);
    const { both, dns, second, clock } = opened;
    dns.react = () => 'silence';
    const asking = both.addresses(`${name}.`, 4, signal);
    await until(() => dns.queries.length === 1);
    await clock.advance(499);
    expect(second.queries).toEqual([]);
    await clock.advance(1);
    expect((await asking).records).toHaveLength(1);
  });

  it('takes the answer of the first one also when it comes after the second one was asked', async () => {
    await using opened = await open([a('10.0.0.1')]);
    const { both, dns, second, clock } = opened;
    const release = dns.hold(() => true);
    second.react = () => 'silence';
    const asking = both.addresses(`${name}.`, 4, signal);
    await until(() => dns.queries.length === 1);
    await clock.advance(500);
    await until(() => second.queries.length === 1);
    release();
    expect((await asking).records).toHaveLength(1);
    expect(both.trouble).toBeUndefined();
  });

  it('takes it from the first one that a name does not exist', async () => {
    await using opened = await open([a('10.0.0.1')]);
    opened.dns.records = [];
    expect(await opened.both.addresses(`${name}.`, 4, signal)).toMatchObject({ exists: false });
    expect(opened.asked()).toEqual([1, 0]);
  });

  it('keeps to the one that answers for 30 s, and then returns to the first', async () => {
    await using opened = await open([a('10.0.0.1')]);
    const { both, dns, clock, asked } = opened;
    dns.react = () => 'SERVFAIL';
    await both.addresses(`${name}.`, 4, signal);
    expect(asked()).toEqual([1, 1]);
    dns.react = () => undefined;
    await clock.advance(29_999);
    await both.addresses(`${name}.`, 4, signal);
    expect(asked()).toEqual([0, 1]);
    await clock.advance(1);
    await both.addresses(`${name}.`, 4, signal);
    expect([asked(), both.trouble]).toEqual([[1, 0], undefined]);
  });

  it('returns to the first one at once when the second one fails', async () => {
    await using opened = await open([a('10.0.0.1')]);
    const { both, dns, second } = opened;
    dns.react = () => 'SERVFAIL';
    await both.addresses(`${name}.`, 4, signal);
    dns.react = () => undefined;
    second.react = () => 'REFUSED';
    expect((await both.addresses(`${name}.`, 4, signal)).records).toHaveLength(1);
  });

  it('says of each what it did when none answers', async () => {
    await using opened = await open([a('10.0.0.1')]);
    const { both, dns, second } = opened;
    dns.react = () => 'SERVFAIL';
    second.react = () => 'REFUSED';
    await expect(both.addresses(`${name}.`, 4, signal)).rejects.toMatchObject({
      message:
        `'${name}.' A, asked of 127.0.0.1:${dns.address.port}: the server failed (SERVFAIL); ` +
        `of 127.0.0.1:${second.address.port}: the server refuses to answer (REFUSED)`,
      reason: 'servfail',
    });
    expect(both.trouble).toBeUndefined();
  });

  it('reads again which servers there are when it is told to', async () => {
    await using opened = await open([a('10.0.0.1')]);
    const { dns, second, clock } = opened;
    const folder = mkdtempSync(path.join(tmpdir(), 'dns-client-'));
    const file = path.join(folder, 'servers');
    writeFileSync(file, formatAddress(dns.address));
    const client = new DnsClient({ servers: () => readFileSync(file, 'utf8').split(','), clock });
    dns.react = () => 'silence';
    const asking = client.addresses(`${name}.`, 4, signal);
    await until(() => dns.queries.length === 1);
    client.refresh();
    writeFileSync(file, formatAddress(second.address));
    client.refresh();
    await expect(asking).rejects.toMatchObject({ reason: 'timeout' });
    expect((await client.addresses(`${name}.`, 4, signal)).records).toHaveLength(1);
    expect(client.servers).toBe(formatAddress(second.address));
    rmSync(folder, { recursive: true });
  });
});
