import type { Instance } from '../instance';
import { FakeDns, type DnsRecord } from '../testing/fake-dns';
import { until } from '@movies/time/testing';
import { DnsClient } from './dns-client';
import { SrvLookup } from './srv-lookup';

const name = 'metadata.local';
const { signal } = new AbortController();

interface Srv {
  readonly target: string;
  readonly port?: number;
  readonly priority?: number;
  readonly weight?: number;
}

const srv = (...list: readonly Srv[]): DnsRecord[] =>
  list.map((fields) => ({
    type: 'SRV',
    name: `_http._tcp.${name}`,
    data: { port: 8080, ...fields },
  }));

const a = (of: string, data: string, ttl = 5): DnsRecord => ({ type: 'A', name: of, data, ttl });
const aaaa = (of: string, data: string, ttl = 5): DnsRecord => ({
  type: 'AAAA',
  name: of,
  data,
  ttl,
});

async function open(...records: readonly DnsRecord[]) {
  const dns = await FakeDns.start();
  dns.records = records;
  const client = new DnsClient([dns.address]);
  const lookup = new SrvLookup({ client, service: 'metadata', name, port: 'http' });
  return {
    dns,
    lookup,
    resolve: () => lookup.resolve(signal),
    cancel: () => {
      client.cancel();
    },
    ids: async () => (await lookup.resolve(signal)).instances.map(({ id }) => id),
    [Symbol.asyncDispose]: async () => {
      client.cancel();
      await dns.stop();
    },
  };
}

function weights(instances: readonly Instance[]): [string, number][] {
  return instances.map(({ id, weight }) => [id, weight]);
}

describe('SrvLookup', () => {
  it('makes an instance of each address of each target, with its port, weight and target', async () => {
    await using opened = await open(
      ...srv({ target: 'a.local', weight: 3 }, { target: 'b.local', port: 9090, weight: 5 }),
      a('a.local', '10.0.0.1', 20),
      aaaa('a.local', 'fd00::1', 10),
      a('b.local', '10.0.0.2', 30),
    );
    const common = { service: 'metadata', state: 'ready' };
    expect(await opened.resolve()).toEqual({
      instances: [
        {
          ...common,
          id: '10.0.0.1:8080',
          host: '10.0.0.1',
          port: 8080,
          weight: 3,
          labels: { target: 'a.local' },
        },
        {
          ...common,
          id: '10.0.0.2:9090',
          host: '10.0.0.2',
          port: 9090,
          weight: 5,
          labels: { target: 'b.local' },
        },
        {
          ...common,
          id: '[fd00::1]:8080',
          host: 'fd00::1',
          port: 8080,
          weight: 3,
          labels: { target: 'a.local' },
        },
      ],
      ttlSeconds: 10,
      failure: undefined,
    });
  });

  it('makes one instance of an address and port that stand for two targets, the same one each time', async () => {
    const targets = [
      { target: 'b.local' },
      { target: 'a.local', weight: 1 },
      { target: 'a.local', weight: 2 },
    ];
    const addresses = [a('a.local', '10.0.0.1'), a('b.local', '10.0.0.1')];
    await using opened = await open(...srv(...targets), ...addresses);
    const { instances } = await opened.resolve();
    expect(instances).toMatchObject([
      { id: '10.0.0.1:8080', weight: 2, labels: { target: 'a.local' } },
    ]);
    opened.dns.records = [...srv(...targets.toReversed()), ...addresses];
    expect((await opened.resolve()).instances).toEqual(instances);
  });

  it('takes all zero weights as 1, and a zero among others as a small one', async () => {
    await using opened = await open(
      ...srv({ target: 'a.local', weight: 0 }, { target: 'b.local', weight: 0 }),
      a('a.local', '10.0.0.1'),
      a('b.local', '10.0.0.2'),
    );
    expect(weights((await opened.resolve()).instances)).toEqual([
      ['10.0.0.1:8080', 1],
      ['10.0.0.2:8080', 1],
    ]);
    opened.dns.records = [
      ...opened.dns.records.slice(2),
      ...srv({ target: 'a.local', weight: 0 }, { target: 'b.local', weight: 10 }),
    ];
    expect(weights((await opened.resolve()).instances)).toEqual([
      ['10.0.0.1:8080', 0.01],
      ['10.0.0.2:8080', 10],
    ]);
  });

  it('takes the targets of the lowest priority that has addresses, and their TTL', async () => {
    const backup = a('b.local', '10.0.0.2', 3);
    await using opened = await open(
      ...srv({ target: 'b.local', priority: 20 }, { target: 'a.local', priority: 10 }),
      a('a.local', '10.0.0.1', 9),
      backup,
    );
    expect(await opened.resolve()).toMatchObject({
      instances: [{ id: '10.0.0.1:8080' }],
      ttlSeconds: 9,
    });
    opened.dns.records = [...opened.dns.records.slice(0, 2), backup];
    expect(await opened.resolve()).toMatchObject({
      instances: [{ id: '10.0.0.2:8080' }],
      ttlSeconds: 3,
    });
  });

  it('does not report that a target cannot be asked whose priority is not used', async () => {
    await using opened = await open(
      ...srv({ target: 'a.local', priority: 10 }, { target: 'b.local', priority: 20 }),
      a('a.local', '10.0.0.1'),
    );
    opened.dns.react = (query) => (query.name === 'b.local' ? 'SERVFAIL' : undefined);
    expect(await opened.resolve()).toMatchObject({
      instances: [{ id: '10.0.0.1:8080' }],
      failure: undefined,
    });
  });

  it('keeps the addresses of a target that cannot be asked, and reports it', async () => {
    await using opened = await open(
      ...srv({ target: 'a.local' }, { target: 'b.local' }, { target: 'c.local' }),
      a('a.local', '10.0.0.1'),
      a('b.local', '10.0.0.2'),
      a('c.local', '10.0.0.3'),
    );
    await opened.resolve();
    opened.dns.react = (query) => (query.name === 'b.local' ? 'SERVFAIL' : undefined);
    opened.dns.records = [...opened.dns.records.slice(0, 3), a('a.local', '10.0.0.9')];
    for (let round = 0; round < 2; round += 1) {
      expect(await opened.resolve()).toMatchObject({
        // c.local does not exist any more, which is certain; what b.local is now is not.
        instances: [{ id: '10.0.0.2:8080' }, { id: '10.0.0.9:8080' }],
        failure: { message: expect.stringContaining("'b.local.' A, asked of") as string },
      });
    }
  });

  it('forgets the addresses of a target that the SRV records name no more', async () => {
    await using opened = await open(...srv({ target: 'a.local' }), a('a.local', '10.0.0.1'));
    await opened.resolve();
    opened.dns.records = [...srv({ target: 'b.local' }), a('b.local', '10.0.0.2')];
    await opened.resolve();
    opened.dns.records = [
      ...srv({ target: 'a.local' }, { target: 'b.local' }),
      a('b.local', '10.0.0.2'),
    ];
    opened.dns.react = (query) => (query.name === 'a.local' ? 'SERVFAIL' : undefined);
    expect(await opened.ids()).toEqual(['10.0.0.2:8080']);
  });

  it('keeps the addresses of one family while the other is asked in vain', async () => {
    await using opened = await open(
      ...srv({ target: 'a.local' }),
      a('a.local', '10.0.0.1'),
      aaaa('a.local', 'fd00::1'),
    );
    await opened.resolve();
    opened.dns.react = (query) => (query.type === 'AAAA' ? 'REFUSED' : undefined);
    expect(await opened.resolve()).toMatchObject({
      instances: [{ id: '10.0.0.1:8080' }, { id: '[fd00::1]:8080' }],
      failure: { reason: 'refused' },
    });
  });

  it('rejects when nothing was learnt: of the SRV records, or of the addresses of all targets', async () => {
    await using opened = await open(...srv({ target: 'a.local' }), a('a.local', '10.0.0.1'));
    opened.dns.react = (query) => (query.type === 'A' ? 'SERVFAIL' : undefined);
    await expect(opened.resolve()).rejects.toMatchObject({ reason: 'servfail' });
    opened.dns.react = (query) => (query.type === 'SRV' ? 'SERVFAIL' : undefined);
    await expect(opened.resolve()).rejects.toMatchObject({ reason: 'servfail' });
  });

  it('leaves out a target with port 0, and says so', async () => {
    await using opened = await open(
      ...srv({ target: 'a.local', port: 0 }, { target: 'b.local' }),
      a('a.local', '10.0.0.1'),
      a('b.local', '10.0.0.2'),
    );
    const message = `'_http._tcp.${name}.' SRV has port 0 for 'a.local', which is left out: give it a port, or use kind=a&port=<number>`;
    expect(await opened.resolve()).toMatchObject({
      instances: [{ id: '10.0.0.2:8080' }],
      failure: { message, reason: 'bad_answer' },
    });
    opened.dns.records = srv({ target: 'a.local', port: 0 });
    await expect(opened.resolve()).rejects.toMatchObject({ message });
  });

  it('says of a name that has addresses that its port has no name', async () => {
    await using opened = await open(a(name, '10.0.0.1'));
    const { emptyBecause, instances } = await opened.resolve();
    expect(instances).toEqual([]);
    expect(emptyBecause).toBe(
      `'${name}.' has addresses but no SRV record '_http._tcp.${name}.', says 127.0.0.1:${opened.dns.address.port}: ` +
        "name the Service's port 'http', or use kind=a&port=<number>",
    );
  });

  it('says of a name that does not exist what was asked, of whom, and what to check', async () => {
    await using opened = await open();
    expect((await opened.resolve()).emptyBecause).toBe(
      `there is no SRV record '_http._tcp.${name}.', and '${name}.' has no addresses, says ` +
        `127.0.0.1:${opened.dns.address.port}: check the name; on Kubernetes the Service must be headless ` +
        '(clusterIP: None) and have a ready pod',
    );
  });

  it('says that the records are missing also when the addresses cannot be asked', async () => {
    await using opened = await open(a(name, '10.0.0.1'));
    opened.dns.react = (query) => (query.type === 'SRV' ? undefined : 'SERVFAIL');
    expect(await opened.resolve()).toMatchObject({
      instances: [],
      emptyBecause: expect.stringContaining(`no SRV record '_http._tcp.${name}.'`) as string,
    });
  });

  it('says which targets have no address, and that a target of a dot means none', async () => {
    await using opened = await open(...srv({ target: 'a.local' }));
    expect((await opened.resolve()).emptyBecause).toMatch(
      /^the targets of .* \('a\.local'\), says/,
    );
    opened.dns.records = srv({ target: '.' });
    expect((await opened.resolve()).emptyBecause).toMatch(/ SRV is '\.': it is not offered, says/);
  });

  it('has at most 16 targets asked for at once, and each once', async () => {
    const targets = Array.from({ length: 40 }, (_, i) => `${i}.local`);
    await using opened = await open(
      ...srv(...targets.map((target) => ({ target })), { target: '0.local', port: 9090 }),
      ...targets.map((target, i) => a(target, `10.0.0.${i}`)),
    );
    const { dns } = opened;
    dns.react = (query) => (query.type === 'SRV' ? undefined : 'silence');
    const controller = new AbortController();
    const resolving = opened.lookup.resolve(controller.signal);
    const rejected = expect(resolving).rejects.toMatchObject({ reason: 'timeout' });
    const hosts = () => dns.queries.filter(({ type }) => type !== 'SRV').map((query) => query.name);
    await until(() => new Set(hosts()).size >= 16);
    await new Promise(setImmediate);
    expect(new Set(hosts()).size).toBe(16);
    controller.abort();
    opened.cancel();
    await rejected;
    const asked = hosts().length;
    dns.react = () => undefined;
    expect(await opened.ids()).toHaveLength(41);
    expect(hosts()).toHaveLength(asked + 2 * 40);
  });
});
