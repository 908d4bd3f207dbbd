import { until } from '@movies/time/testing';
import { openDnsTurns } from './testing/dns-turns';
import type { DnsRecord } from '../testing/fake-dns';

const name = 'metadata.local';
const a = (data: string, ttl = 5): DnsRecord => ({ type: 'A', name, data, ttl });
const aaaa = (data: string, ttl = 5): DnsRecord => ({ type: 'AAAA', name, data, ttl });

const open = (...records: readonly DnsRecord[]) => openDnsTurns({ name, records, port: 8080 });

type Opened = Awaited<ReturnType<typeof open>>;

/** Runs a turn on a clock that moves on while it waits for servers that are silent. */
async function turnOfSilence({ clock, dns, turn }: Opened) {
  const asked = dns.queries.length;
  const turning = turn();
  await until(() => dns.queries.length >= asked + 2);
  await clock.advance(5000);
  return await turning;
}

describe('a source of A and AAAA records', () => {
  it('makes an instance of each address of both families, and asks again for the shortest TTL', async () => {
    await using opened = await open(a('10.0.0.2', 20), a('10.0.0.1', 20), aaaa('fd00::1', 10));
    const { instances, note, waitMs } = await opened.turn();
    expect(instances?.map(({ id }) => id).sort()).toEqual([
      '10.0.0.1:8080',
      '10.0.0.2:8080',
      '[fd00::1]:8080',
    ]);
    expect([note, waitMs]).toEqual([undefined, 10_000]);
  });

  it.each(['A', 'AAAA'] as const)(
    'is content without a record of the other family than %s',
    async (type) => {
      const data = type === 'A' ? '10.0.0.1' : 'fd00::1';
      await using opened = await open({ type, name, data });
      const { instances, note } = await opened.turn();
      expect(instances).toMatchObject([{ host: data }]);
      expect(note).toBeUndefined();
    },
  );

  it.each([
    [4, 'A'],
    [6, 'AAAA'],
  ] as const)('asks for family %d alone where that is said', async (family, type) => {
    const records = [a('10.0.0.1'), aaaa('fd00::1')];
    await using opened = await openDnsTurns({ name, records, port: 80, families: [family] });
    expect((await opened.turn()).instances).toHaveLength(1);
    expect(opened.dns.asked).toEqual([`${type} ${name}`]);
  });

  it('tells 50 ms after the first address what it knows, and later what comes late', async () => {
    await using opened = await open(a('10.0.0.1'), aaaa('fd00::1'));
    const release = opened.dns.hold(({ type }) => type === 'AAAA');
    const { clock } = opened;
    const turning = opened.turn();
    await until(() => clock.nextInMs === 50);
    await clock.advance(49);
    expect(opened.told()).toBeUndefined();
    await clock.advance(1);
    expect(opened.told()?.instances).toMatchObject([{ host: '10.0.0.1' }]);
    expect(opened.told()?.remarks.note).toBeUndefined();
    await clock.advance(1000);
    release();
    const { instances, waitMs } = await turning;
    expect(instances).toMatchObject([{ host: '10.0.0.1' }, { host: 'fd00::1' }]);
    expect(waitMs).toBe(4000);
  });

  it('does not take a late failure for a confirmation: the note is new, the age is not', async () => {
    await using opened = await open(a('10.0.0.1', 20));
    const { clock, dns } = opened;
    const fail = dns.hold(({ type }) => type === 'AAAA', 'SERVFAIL');
    const turning = opened.turn();
    await until(() => clock.nextInMs === 50);
    const confirmedAt = clock.now();
    await clock.advance(50);
    expect(opened.told()?.remarks).toMatchObject({ confirmedAt, note: undefined });
    await clock.advance(1000);
    fail();
    const { note, instances, confirmedAt: confirmedLast } = await turning;
    expect(note).toContain("'metadata.local.' AAAA");
    expect(instances).toMatchObject([{ host: '10.0.0.1' }]);
    expect(confirmedLast).toBe(confirmedAt);
  });

  it('waits for nothing that is late beyond the TTL, and takes it in a later turn', async () => {
    await using opened = await open(a('10.0.0.1', 1), aaaa('fd00::1', 1));
    const release = opened.dns.hold(({ type }) => type === 'AAAA');
    const { clock, dns } = opened;
    const turning = opened.turn();
    await until(() => clock.nextInMs === 50);
    await clock.advance(50);
    const told = opened.told();
    await clock.advance(1000);
    expect(await turning).toMatchObject({ waitMs: 0, instances: [{ host: '10.0.0.1' }] });
    // Told once: nothing confirmed it since.
    expect(opened.told()).toBe(told);
    dns.records = [a('10.0.0.2', 1), aaaa('fd00::1', 1)];
    const next = opened.turn();
    await until(() => clock.nextInMs === 50);
    release();
    expect((await next).instances).toMatchObject([{ host: '10.0.0.2' }, { host: 'fd00::1' }]);
    // The question that was under way was not put again.
    expect(dns.asked.filter((question) => question === `AAAA ${name}`)).toHaveLength(1);
  });

  it('notes that a family is silent, which is no failure', async () => {
    await using opened = await open(a('10.0.0.1'));
    opened.dns.react = ({ type }) => (type === 'AAAA' ? 'silence' : undefined);
    for (let turn = 0; turn < 5; turn += 1) {
      expect(await turnOfSilence(opened)).toMatchObject({
        instances: [{ host: '10.0.0.1' }],
        failure: undefined,
      });
    }
    expect(opened.told()?.remarks.note).toBe(
      `'${name}.' AAAA, asked of 127.0.0.1:${opened.dns.address.port}: no answer in time: ` +
        'where no AAAA record is needed, family=4 asks for none',
    );
  });

  it('keeps the addresses of a family that cannot be asked for 15 s, and notes it', async () => {
    await using opened = await open(a('10.0.0.1', 10), aaaa('fd00::1', 10));
    const { clock, dns } = opened;
    await opened.turn();
    dns.react = ({ type }) => (type === 'A' ? 'SERVFAIL' : undefined);
    dns.records = [aaaa('fd00::2', 10)];
    for (let round = 0; round < 4; round += 1) {
      const { instances, note, waitMs } = await opened.turn();
      expect(instances).toMatchObject(
        [{ host: '10.0.0.1' }, { host: 'fd00::2' }].slice(round === 3 ? 1 : 0),
      );
      expect(note).toContain(round === 3 ? 'its addresses are left out' : 'are kept for now');
      expect(waitMs).toBe(round === 3 ? 10_000 : 5000);
      await clock.advance(5000);
    }
    dns.react = () => undefined;
    dns.records = [a('10.0.0.9'), aaaa('fd00::2')];
    expect(await opened.ids()).toEqual(['10.0.0.9:8080', '[fd00::2]:8080']);
  });

  it('fails when neither family can be asked, and drops nothing for it however long it lasts', async () => {
    await using opened = await open(a('10.0.0.1'), aaaa('fd00::1'));
    await opened.turn();
    opened.dns.react = () => 'SERVFAIL';
    for (let round = 0; round < 10; round += 1) {
      expect(await opened.turn()).toMatchObject({
        instances: undefined,
        failure: { reason: 'servfail', kind: 'refused' },
      });
      await opened.clock.advance(30_000);
    }
    opened.dns.react = ({ type }) => (type === 'A' ? undefined : 'SERVFAIL');
    expect(await opened.ids()).toEqual(['10.0.0.1:8080', '[fd00::1]:8080']);
  });

  it('knows nothing while the family that has the addresses cannot be asked', async () => {
    await using opened = await open(a('10.0.0.1'));
    await opened.turn();
    opened.dns.react = ({ type }) => (type === 'A' ? 'SERVFAIL' : undefined);
    for (let round = 0; round < 10; round += 1) {
      expect(await opened.turn()).toMatchObject({
        instances: undefined,
        failure: { reason: 'servfail' },
      });
      await opened.clock.advance(30_000);
    }
  });

  it('knows that a name is empty whose other family was never answered', async () => {
    await using opened = await open({ type: 'SRV', name, data: { target: 'x', port: 1 } });
    opened.dns.react = ({ type }) => (type === 'AAAA' ? 'REFUSED' : undefined);
    const failed: boolean[] = [];
    for (let round = 0; round < 4; round += 1) {
      const { failure } = await opened.turn();
      failed.push(failure !== undefined);
    }
    expect(failed).toEqual([true, true, false, false]);
    expect(opened.told()).toMatchObject({
      instances: [],
      remarks: { note: expect.any(String) as string },
    });
  });

  it('does not wait for a silent family when the name does not exist', async () => {
    await using opened = await open();
    const { clock, dns } = opened;
    dns.react = ({ type }) => (type === 'AAAA' ? 'silence' : undefined);
    for (let round = 0; round < 2; round += 1) {
      const turning = opened.turn();
      await until(() => clock.nextInMs === 50);
      await clock.advance(50);
      expect((await turning).failure).toBeUndefined();
    }
    expect(opened.told()?.instances).toEqual([]);
  });

  it('does not take it that AAAA says of a name that it does not exist for a word on A', async () => {
    await using opened = await open();
    opened.dns.react = ({ type }) => (type === 'A' ? 'SERVFAIL' : undefined);
    expect(await opened.turn()).toMatchObject({ failure: { reason: 'servfail' } });
  });

  it('says of an empty set what was asked, of whom, and what to check', async () => {
    await using opened = await open();
    expect(await opened.emptyBecause()).toBe(
      `'${name}.' has no A or AAAA record, says 127.0.0.1:${opened.dns.address.port}: check the name; on ` +
        'Kubernetes the Service must be headless (clusterIP: None) and have a ready pod',
    );
  });
});
