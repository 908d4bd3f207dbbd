import { FakeDns } from '../testing/fake-dns';
import { AddressLookup } from './address-lookup';
import { DnsClient } from './dns-client';

const name = 'metadata.local';

async function open() {
  const dns = await FakeDns.start();
  const client = new DnsClient([dns.address]);
  const lookup = new AddressLookup({ client, service: 'metadata', name, port: 8080 });
  return {
    dns,
    resolve: () => lookup.resolve(new AbortController().signal),
    [Symbol.asyncDispose]: async () => {
      client.cancel();
      await dns.stop();
    },
  };
}

describe('AddressLookup', () => {
  it('makes an instance of each address of both families, and asks again for the shortest TTL', async () => {
    await using opened = await open();
    opened.dns.records = [
      { type: 'A', name, data: '10.0.0.2', ttl: 20 },
      { type: 'A', name, data: '10.0.0.1', ttl: 20 },
      { type: 'A', name, data: '10.0.0.1', ttl: 20 },
      { type: 'AAAA', name, data: 'fd00::1', ttl: 10 },
    ];
    const answer = await opened.resolve();
    expect(answer.instances.map(({ id }) => id)).toEqual([
      '10.0.0.1:8080',
      '10.0.0.2:8080',
      '[fd00::1]:8080',
    ]);
    expect(answer).toMatchObject({ ttlSeconds: 10, failure: undefined });
  });

  it.each(['A', 'AAAA'])(
    'is content without a record of the other family than %s',
    async (type) => {
      await using opened = await open();
      const data = type === 'A' ? '10.0.0.1' : 'fd00::1';
      opened.dns.records = [{ type: type === 'A' ? 'A' : 'AAAA', name, data }];
      const answer = await opened.resolve();
      expect(answer.instances).toMatchObject([{ host: data }]);
      expect(answer.failure).toBeUndefined();
    },
  );

  it('keeps the addresses of a family that cannot be asked beside those of the other', async () => {
    await using opened = await open();
    opened.dns.records = [
      { type: 'A', name, data: '10.0.0.1' },
      { type: 'AAAA', name, data: 'fd00::1' },
    ];
    await opened.resolve();
    opened.dns.react = ({ type }) => (type === 'A' ? 'SERVFAIL' : undefined);
    opened.dns.records = [{ type: 'AAAA', name, data: 'fd00::2' }];
    expect(await opened.resolve()).toMatchObject({
      instances: [{ host: '10.0.0.1' }, { host: 'fd00::2' }],
      failure: { reason: 'servfail' },
    });
  });

  it('has no answer when neither family can be asked, though it knows what they had', async () => {
    await using opened = await open();
    opened.dns.records = [{ type: 'A', name, data: '10.0.0.1' }];
    await opened.resolve();
    opened.dns.react = () => 'SERVFAIL';
    await expect(opened.resolve()).rejects.toMatchObject({ reason: 'servfail' });
  });

  it('knows nothing when one family has no record and the other cannot be asked', async () => {
    await using opened = await open();
    opened.dns.react = ({ type }) => (type === 'A' ? 'SERVFAIL' : undefined);
    await expect(opened.resolve()).rejects.toMatchObject({ reason: 'servfail' });
  });

  it('says of an empty set what was asked, of whom, and what to check', async () => {
    await using opened = await open();
    expect(await opened.resolve()).toMatchObject({
      instances: [],
      emptyBecause:
        `'${name}.' has no A or AAAA record, says 127.0.0.1:${opened.dns.address.port}: check the name; on ` +
        'Kubernetes the Service must be headless (clusterIP: None) and have a ready pod',
    });
  });
});
