import { createInstance, type Instance } from '../instance';
import { until } from '@movies/time/testing';
import { openDnsTurns } from './testing/dns-turns';
import type { DnsRecord } from '../testing/fake-dns';

const name = 'metadata.local';

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

const open = (...records: readonly DnsRecord[]) => openDnsTurns({ name, records, port: 'http' });

function weights(instances: readonly Instance[] | undefined): [string, number][] {
  return (instances ?? []).map(({ id, weight }) => [id, weight]);
}

describe('a source of SRV records', () => {
  it('makes an instance of each address of each target, with its port, weight and target', async () => {
    await using opened = await open(
      ...srv({ target: 'a.local', weight: 3 }, { target: 'b.local', port: 9090, weight: 5 }),
      a('a.local', '10.0.0.1', 20),
      aaaa('a.local', 'fd00::1', 10),
      a('b.local', '10.0.0.2', 30),
    );
    const { instances, waitMs, note } = await opened.turn();
    const made = { service: 'metadata', port: 8080, weight: 3, labels: { target: 'a.local' } };
    expect(instances).toEqual([
      createInstance({ ...made, id: '10.0.0.1:8080', host: '10.0.0.1' }),
      createInstance({ ...made, id: '[fd00::1]:8080', host: 'fd00::1' }),
      createInstance({
        ...made,
        ...{ id: '10.0.0.2:9090', host: '10.0.0.2', port: 9090, weight: 5 },
        labels: { target: 'b.local' },
      }),
    ]);
    expect([waitMs, note]).toEqual([10_000, undefined]);
  });

  it('takes all zero weights as 1, and a zero among others as a small one', async () => {
    await using opened = await open(
      ...srv({ target: 'a.local', weight: 0 }, { target: 'b.local', weight: 0 }),
      a('a.local', '10.0.0.1'),
      a('b.local', '10.0.0.2'),
    );
    expect(weights((await opened.turn()).instances)).toEqual([
      ['10.0.0.1:8080', 1],
      ['10.0.0.2:8080', 1],
    ]);
    opened.dns.records = [
      ...opened.dns.records.slice(2),
      ...srv({ target: 'a.local', weight: 0 }, { target: 'b.local', weight: 10 }),
    ];
    expect(weights((await opened.turn()).instances)).toEqual([
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
    expect(await opened.turn()).toMatchObject({
      instances: [{ id: '10.0.0.1:8080' }],
      waitMs: 9000,
    });
    opened.dns.records = [...opened.dns.records.slice(0, 2), backup];
    expect(await opened.turn()).toMatchObject({
      instances: [{ id: '10.0.0.2:8080' }],
      waitMs: 3000,
    });
  });

  it('does not note that a target cannot be asked whose priority is not used', async () => {
    await using opened = await open(
      ...srv({ target: 'a.local', priority: 10 }, { target: 'b.local', priority: 20 }),
      a('a.local', '10.0.0.1'),
    );
    opened.dns.react = (query) => (query.name === 'b.local' ? 'SERVFAIL' : undefined);
    expect(await opened.turn()).toMatchObject({
      instances: [{ id: '10.0.0.1:8080' }],
      note: undefined,
    });
  });

  it('does not pass over the best priority while its targets cannot be asked, or have not answered yet', async () => {
    await using opened = await open(
      ...srv({ target: 'a.local', priority: 10 }, { target: 'b.local', priority: 20 }),
      a('a.local', '10.0.0.1'),
      a('b.local', '10.0.0.2'),
    );
    const { dns, clock } = opened;
    dns.react = (query) => (query.name === 'a.local' ? 'SERVFAIL' : undefined);
    expect(await opened.turn()).toMatchObject({
      instances: undefined,
      failure: { reason: 'servfail' },
    });
    const release = dns.hold((query) => query.name === 'a.local');
    const turning = opened.turn();
    await until(() => clock.nextInMs === 50);
    await clock.advance(50);
    expect(opened.told()).toBeUndefined();
    release();
    expect((await turning).instances).toMatchObject([{ id: '10.0.0.1:8080' }]);
  });

  it('tells the targets that have answered while another one is silent', async () => {
    await using opened = await open(
      ...srv({ target: 'a.local' }, { target: 'b.local' }),
      a('b.local', '10.0.0.2'),
    );
    const { dns, clock } = opened;
    dns.react = (query) => (query.name === 'a.local' ? 'silence' : undefined);
    const turning = opened.turn();
    await until(() => clock.nextInMs === 50);
    await clock.advance(50);
    expect(opened.told()?.instances).toMatchObject([{ id: '10.0.0.2:8080' }]);
    await clock.advance(4950);
    const { note, failure, waitMs } = await turning;
    expect(note).toMatch(/^'a\.local\.' A, .* no answer in time: its addresses are left out$/);
    expect([failure, waitMs]).toEqual([undefined, 50]);
  });

  it('keeps the addresses of a target that cannot be asked, and notes it', async () => {
    await using opened = await open(
      ...srv({ target: 'a.local' }, { target: 'b.local' }, { target: 'c.local' }),
      a('a.local', '10.0.0.1'),
      a('b.local', '10.0.0.2'),
      a('c.local', '10.0.0.3'),
    );
    await opened.turn();
    opened.dns.react = (query) => (query.name === 'b.local' ? 'SERVFAIL' : undefined);
    opened.dns.records = [...opened.dns.records.slice(0, 3), a('a.local', '10.0.0.9')];
    for (let round = 0; round < 2; round += 1) {
      expect(await opened.turn()).toMatchObject({
        // c.local does not exist any more, which is certain; what b.local is now is not.
        instances: [{ id: '10.0.0.9:8080' }, { id: '10.0.0.2:8080' }],
        note: expect.stringContaining("'b.local.' A, asked of") as string,
      });
    }
  });

  it('forgets the addresses of a target that the SRV records name no more', async () => {
    await using opened = await open(...srv({ target: 'a.local' }), a('a.local', '10.0.0.1'));
    await opened.turn();
    opened.dns.records = [...srv({ target: 'b.local' }), a('b.local', '10.0.0.2')];
    await opened.turn();
    opened.dns.records = [
      ...srv({ target: 'a.local' }, { target: 'b.local' }),
      a('b.local', '10.0.0.2'),
    ];
    opened.dns.react = (query) => (query.name === 'a.local' ? 'SERVFAIL' : undefined);
    expect(await opened.ids()).toEqual(['10.0.0.2:8080']);
  });

  it('fails when nothing was learnt: of the SRV records, or of the addresses of all targets', async () => {
    await using opened = await open(...srv({ target: 'a.local' }), a('a.local', '10.0.0.1'));
    for (const type of ['A', 'SRV']) {
      opened.dns.react = (query) => (query.type === type ? 'SERVFAIL' : undefined);
      const { failure, instances } = await opened.turn();
      expect([failure?.reason, instances]).toEqual(['servfail', undefined]);
    }
  });

  it('leaves out a target with port 0, and notes it', async () => {
    await using opened = await open(
      ...srv({ target: 'a.local', port: 0 }, { target: 'b.local' }),
      a('a.local', '10.0.0.1'),
      a('b.local', '10.0.0.2'),
    );
    const message = `'_http._tcp.${name}.' SRV has port 0 for 'a.local', which is left out: give it a port, or use kind=a&port=<number>`;
    expect(await opened.turn()).toMatchObject({
      instances: [{ id: '10.0.0.2:8080' }],
      note: message,
    });
    opened.dns.records = [...srv({ target: 'a.local', port: 0 }), a('a.local', '10.0.0.1')];
    expect(await opened.turn()).toMatchObject({
      instances: undefined,
      failure: { message, kind: 'malformed', reason: 'bad_answer' },
    });
  });

  it('says of a name that has addresses that its port has no name', async () => {
    await using opened = await open(a(name, '10.0.0.1'));
    expect(await opened.emptyBecause()).toBe(
      `'${name}.' has addresses but no SRV record '_http._tcp.${name}.', says 127.0.0.1:${opened.dns.address.port}: ` +
        "name the Service's port 'http', or use kind=a&port=<number>",
    );
  });

  it('says of a name that does not exist what was asked, of whom, and what to check', async () => {
    await using opened = await open();
    expect(await opened.emptyBecause()).toBe(
      `there is no SRV record '_http._tcp.${name}.', and '${name}.' has no addresses, says ` +
        `127.0.0.1:${opened.dns.address.port}: check the name; on Kubernetes the Service must be headless ` +
        '(clusterIP: None) and have a ready pod',
    );
  });

  it('says that the records are missing also when the addresses cannot be asked', async () => {
    await using opened = await open(a(name, '10.0.0.1'));
    opened.dns.react = (query) => (query.type === 'SRV' ? undefined : 'SERVFAIL');
    expect(await opened.emptyBecause()).toContain(`no SRV record '_http._tcp.${name}.'`);
  });

  it('says which targets have no address, and that a target of a dot means none', async () => {
    await using opened = await open(...srv({ target: 'a.local' }));
    expect(await opened.emptyBecause()).toMatch(/^the targets of .* \('a\.local'\), says/);
    opened.dns.records = srv({ target: '.' });
    expect(await opened.emptyBecause()).toMatch(/ SRV is '\.': it is not offered, says/);
  });

  const many = Array.from({ length: 40 }, (_, i) => `${i}.local`);
  const addresses = many.map((target, i) => a(target, `10.0.0.${i}`));

  it('has at most 16 questions under way at once, and puts each once', async () => {
    await using opened = await open(
      ...srv(...many.map((target) => ({ target })), { target: '0.local', port: 9090 }),
      ...addresses,
    );
    const { dns } = opened;
    const release = dns.hold(({ type }) => type !== 'SRV');
    const turning = opened.turn();
    const hosts = () => dns.queries.filter(({ type }) => type !== 'SRV');
    await until(() => hosts().length >= 16);
    await new Promise(setImmediate);
    expect(hosts()).toHaveLength(16);
    release();
    expect((await turning).instances).toHaveLength(41);
    expect(hosts()).toHaveLength(2 * 40);
  });

  it.each(['A', 'AAAA'])('has all answers of a family while %s is silent', async (silent) => {
    const records =
      silent === 'A' ? many.map((target, i) => aaaa(target, `fd00::${i}`)) : addresses;
    await using opened = await open(...srv(...many.map((target) => ({ target }))), ...records);
    const { dns, clock } = opened;
    dns.react = ({ type }) => (type === silent ? 'silence' : undefined);
    const turning = opened.turn();
    const others = () => dns.queries.filter(({ type }) => type !== 'SRV' && type !== silent);
    await until(() => others().length === 40);
    await clock.advance(50);
    await until(() => opened.told()?.instances.length === 40);
    opened.abort();
    await turning;
  });

  it('waits for targets as long as they answer one after the other, and 500 ms in all', async () => {
    await using opened = await open(...srv(...many.map((target) => ({ target }))), ...addresses);
    const { dns, clock } = opened;
    const releases: (() => void)[] = [];
    dns.react = ({ type }) =>
      type === 'A'
        ? new Promise((resolve) => {
            releases.push(() => {
              resolve(undefined);
            });
          })
        : undefined;
    const turning = opened.turn();
    for (let i = 0; i < 11; i += 1) {
      expect(opened.told()).toBeUndefined();
      await until(() => releases.length === 8 + i);
      releases[i]?.();
      // The next one is asked when this one is answered.
      await until(() => releases.length === 9 + i);
      await clock.advance(i === 0 ? 0 : 49);
    }
    await clock.advance(10);
    expect(opened.told()?.instances).toHaveLength(11);
    dns.react = () => undefined;
    for (const release of releases) release();
    expect((await turning).instances).toHaveLength(40);
  });

  it('does not confirm what it knew of hundreds of targets when all are silent', async () => {
    await using opened = await open(...srv(...many.map((target) => ({ target }))), ...addresses);
    const { dns, clock } = opened;
    expect((await opened.turn()).instances).toHaveLength(40);
    dns.react = (query) => (query.type === 'SRV' ? undefined : 'silence');
    const asked = dns.queries.length;
    const turning = opened.turn();
    await until(() => dns.queries.length >= asked + 17);
    await clock.advance(15_000);
    expect(await turning).toMatchObject({
      instances: undefined,
      failure: { kind: 'silent', reason: 'timeout' },
    });
  });

  it('fails when hundreds of targets are silent, in 15 s', async () => {
    await using opened = await open(...srv(...many.map((target) => ({ target }))));
    const { dns, clock } = opened;
    dns.react = (query) => (query.type === 'SRV' ? undefined : 'silence');
    const turning = opened.turn();
    await until(() => dns.queries.length >= 17);
    await clock.advance(15_000);
    expect((await turning).failure).toMatchObject({ kind: 'silent', reason: 'timeout' });
  });
});
