import { FakeDns, type DnsRecord } from '../testing/fake-dns';
import { until } from '@movies/time/testing';
import { DnsClient } from './dns-client';

const { signal } = new AbortController();

async function open(records: readonly DnsRecord[] = []) {
  const dns = await FakeDns.start();
  dns.records = records;
  const client = new DnsClient([dns.address]);
  return {
    dns,
    client,
    [Symbol.asyncDispose]: async () => {
      client.cancel();
      await dns.stop();
    },
  };
}

const name = 'metadata.local';
const a = (data: string, ttl = 5): DnsRecord => ({ type: 'A', name, data, ttl });

describe('DnsClient', () => {
  it('gives addresses of each family with their TTL, and SRV records', async () => {
    const srv = { target: 'a.local', port: 8080, priority: 1, weight: 2 };
    await using opened = await open([
      a('10.0.0.1', 7),
      { type: 'AAAA', name, data: 'fd00::1', ttl: 9 },
      { type: 'SRV', name, data: srv },
    ]);
    const { client } = opened;
    expect(await client.addresses(`${name}.`, 4, signal)).toEqual([
      { address: '10.0.0.1', ttl: 7 },
    ]);
    expect(await client.addresses(`${name}.`, 6, signal)).toEqual([{ address: 'fd00::1', ttl: 9 }]);
    expect(await client.srv(`${name}.`, signal)).toMatchObject([
      { name: 'a.local', port: 8080, priority: 1, weight: 2 },
    ]);
  });

  it('gives none for a name that does not exist, and for one without such a record', async () => {
    await using opened = await open([a('10.0.0.1')]);
    expect(await opened.client.addresses('nobody.local.', 4, signal)).toEqual([]);
    expect(await opened.client.addresses(`${name}.`, 6, signal)).toEqual([]);
  });

  it('asks over TCP for an answer that UDP cannot hold', async () => {
    const many = Array.from({ length: 300 }, (_, i) => a(`10.0.${i >> 8}.${i & 255}`));
    await using opened = await open(many);
    const { client, dns } = opened;
    const records = await client.addresses(`${name}.`, 4, signal);
    expect(new Set(records.map(({ address }) => address)).size).toBe(300);
    expect(dns.queries.map(({ over }) => over)).toEqual(['udp', 'tcp']);
    await until(() => dns.connections === 0);
  });

  it('asks the server each time, and keeps no answer for its TTL', async () => {
    await using opened = await open([a('10.0.0.1', 3600)]);
    const { client, dns } = opened;
    await client.addresses(`${name}.`, 4, signal);
    dns.records = [a('10.0.0.2', 3600)];
    expect(await client.addresses(`${name}.`, 4, signal)).toEqual([
      { address: '10.0.0.2', ttl: 3600 },
    ]);
    dns.records = [];
    expect(await client.addresses(`${name}.`, 4, signal)).toEqual([]);
    dns.records = [a('10.0.0.3')];
    expect(await client.addresses(`${name}.`, 4, signal)).toHaveLength(1);
    expect(dns.queries).toHaveLength(4);
  });

  it.each([
    ['SERVFAIL', 'servfail', 'the server failed (SERVFAIL)'],
    ['REFUSED', 'refused', 'the server refuses to answer (REFUSED)'],
  ] as const)('says of %s what was asked of whom', async (reaction, reason, words) => {
    await using opened = await open([a('10.0.0.1')]);
    const { client, dns } = opened;
    dns.react = () => reaction;
    await expect(client.addresses(`${name}.`, 4, signal)).rejects.toMatchObject({
      message: `'${name}.' A, asked of 127.0.0.1:${dns.address.port}: ${words}`,
      reason,
      cause: { code: `E${reaction}` },
    });
  });

  it('says that nobody listens', async () => {
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

  it('gives a silent server two tries, and a few seconds', async () => {
    await using opened = await open();
    const { client, dns } = opened;
    dns.react = () => 'silence';
    const before = performance.now();
    await expect(client.addresses(`${name}.`, 4, signal)).rejects.toMatchObject({
      message: expect.stringContaining('no answer in time') as string,
      reason: 'timeout',
    });
    expect(dns.queries).toHaveLength(2);
    // c-ares looks at its limits about once a second.
    expect(performance.now() - before).toBeLessThan(8000);
  });

  it('ends by cancel what is under way, and asks nothing for a signal that is aborted', async () => {
    await using opened = await open();
    const { client, dns } = opened;
    dns.react = () => 'silence';
    const asking = client.addresses(`${name}.`, 4, signal);
    await until(() => dns.queries.length === 1);
    client.cancel();
    await expect(asking).rejects.toMatchObject({ reason: 'timeout' });
    const late = client.addresses(`${name}.`, 4, AbortSignal.abort());
    await expect(late).rejects.toMatchObject({ reason: 'timeout' });
    expect(dns.queries).toHaveLength(1);
  });
});
