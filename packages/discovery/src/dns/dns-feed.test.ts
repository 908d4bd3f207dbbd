import type { Snapshot } from '../snapshot';
import { FakeDns, type DnsReaction } from '../testing/fake-dns';
import { ManualClock, until } from '@movies/time/testing';
import { DnsRegistry } from './dns-registry';

const name = 'metadata.local';
const answerLimitMs = 15_000;

/** `10.0.0.1 10.0.0.2 (servfail)` */
function describeSnapshot({ instances, failure, emptyBecause }: Snapshot): string {
  const hosts = instances.map(({ host }) => host).join(' ');
  const reason = failure === undefined ? '' : ` (${failure.message.replace(/^.*: /, '')})`;
  return `${hosts}${reason}${emptyBecause === undefined ? '' : ' (empty: says why)'}`;
}

/** A watch over A records on a clock of its own; what comes of the first answer is there. */
async function open({ hosts = ['10.0.0.1'], ttl = 5, random = 0 } = {}) {
  await using started = new AsyncDisposableStack();
  const dns = await FakeDns.start();
  started.defer(() => dns.stop());
  const clock = new ManualClock();
  const registry = new DnsRegistry({
    name: '{service}.local',
    kind: 'a',
    port: 8080,
    servers: [dns.address],
    clock,
    random: () => random,
  });
  started.defer(() => registry.close());
  const publish = (...addresses: readonly string[]) => {
    dns.records = addresses.map((data) => ({ type: 'A', name, data, ttl }));
  };
  const answers = (reaction?: DnsReaction) => {
    dns.react = () => reaction;
  };
  /** Until the feed waits for its next turn. */
  const waits = () => until(() => clock.pending === 1 && clock.nextInMs !== answerLimitMs);
  publish(...hosts);
  const watch = registry.watch('metadata');
  const told: string[] = [];
  watch.subscribe((snapshot) => told.push(describeSnapshot(snapshot)));
  await waits();
  // All is well: it ends with the test, and not here.
  const opened = started.move();
  return {
    dns,
    clock,
    registry,
    watch,
    told,
    publish,
    answers,
    waits,
    /** Moves time on to the next turn; resolves when its answer has been taken, with the time that passed. */
    turn: async () => {
      const waitedMs = clock.nextInMs ?? Number.NaN;
      await clock.advance(waitedMs);
      await waits();
      return waitedMs;
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

describe('a watch over DNS', () => {
  it.each([
    ['its TTL', 5, 0, 5000],
    ['its TTL and up to 10 % more', 5, 1, 5500],
    ['its TTL and no more than 0.5 s', 20, 1, 20_500],
    ['1 s for a shorter one', 0, 0, 1000],
    ['30 s for a longer one', 3600, 0, 30_000],
  ])('asks again after %s', async (_, ttl, random, waitMs) => {
    await using opened = await open({ ttl, random });
    opened.publish('10.0.0.1', '10.0.0.2');
    await opened.clock.advance(waitMs - 1);
    expect(opened.dns.asked).toHaveLength(2);
    await opened.clock.advance(1);
    await opened.waits();
    expect(opened.dns.asked).toEqual([`A ${name}`, `AAAA ${name}`, `A ${name}`, `AAAA ${name}`]);
    expect(opened.told).toEqual(['10.0.0.1', '10.0.0.1 10.0.0.2']);
  });

  it.each(['SERVFAIL', 'REFUSED'] as const)(
    'keeps the last set under %s, and says so',
    async (reaction) => {
      await using opened = await open();
      opened.answers(reaction);
      for (let turn = 0; turn < 5; turn += 1) await opened.turn();
      opened.answers();
      await opened.turn();
      expect(opened.told).toEqual([
        '10.0.0.1',
        expect.stringMatching(new RegExp(`^10.0.0.1 \\(.*${reaction}`)),
        '10.0.0.1',
      ]);
      expect([...opened.watch.restarts]).toEqual([[reaction.toLowerCase(), 5]]);
    },
  );

  it('asks a failing server less and less often, from 1 s to 30 s, and anew after a success', async () => {
    await using opened = await open({ random: 1 });
    opened.answers('SERVFAIL');
    await opened.turn();
    const waits: number[] = [];
    for (let turn = 0; turn < 7; turn += 1) waits.push(await opened.turn());
    expect(waits).toEqual([1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
    opened.answers();
    await opened.turn();
    opened.answers('SERVFAIL');
    await opened.turn();
    expect(await opened.turn()).toBe(1000);
  });

  it('goes on with the last set while nobody listens, and heals when someone does', async () => {
    await using opened = await open();
    await opened.dns.stop();
    await opened.turn();
    const again = await FakeDns.start(opened.dns.address.port);
    await using ended = new AsyncDisposableStack();
    ended.defer(() => again.stop());
    again.records = [{ type: 'A', name, data: '10.0.0.2' }];
    await opened.turn();
    expect(opened.told).toEqual([
      '10.0.0.1',
      '10.0.0.1 (no DNS server can be reached there)',
      '10.0.0.2',
    ]);
  });

  it('gives a silent server 15 s in all', async () => {
    await using opened = await open({ random: 0.5 });
    opened.answers('silence');
    await opened.clock.advance(5250);
    await until(() => opened.dns.queries.length === 4);
    await opened.clock.advance(answerLimitMs);
    await opened.waits();
    expect(opened.told).toEqual(['10.0.0.1', '10.0.0.1 (no answer in time)']);
    expect([...opened.watch.restarts]).toEqual([['timeout', 1]]);
  });

  it('empties the set when the name has nothing twice in a row, 1 s apart, and says why', async () => {
    await using opened = await open();
    opened.publish();
    expect(await opened.turn()).toBe(5000);
    expect(opened.told).toEqual(['10.0.0.1']);
    expect(await opened.turn()).toBe(1000);
    expect(opened.told).toEqual(['10.0.0.1', ' (empty: says why)']);
    expect(await opened.turn()).toBe(5000);
    expect(opened.told).toHaveLength(2);
  });

  it('keeps the set when the name has something again the second time', async () => {
    await using opened = await open();
    for (let round = 0; round < 3; round += 1) {
      opened.publish();
      await opened.turn();
      opened.publish('10.0.0.1');
      await opened.turn();
    }
    expect(opened.told).toEqual(['10.0.0.1']);
  });

  it('does not take two empty answers for two in a row with a failure between', async () => {
    await using opened = await open();
    opened.publish();
    await opened.turn();
    opened.answers('SERVFAIL');
    await opened.turn();
    opened.answers();
    await opened.turn();
    expect(opened.watch.snapshot?.instances).toHaveLength(1);
    await opened.turn();
    expect(opened.watch.snapshot?.instances).toEqual([]);
  });

  it('knows only after the second answer that a set is empty from the start', async () => {
    await using opened = await open({ hosts: [] });
    expect([opened.watch.snapshot, opened.watch.failure]).toEqual([undefined, undefined]);
    expect(await opened.turn()).toBe(1000);
    expect(opened.watch.snapshot).toMatchObject({ version: 1, instances: [] });
  });

  it('publishes what it learns beside a part that cannot be asked, and tells that failure once', async () => {
    await using opened = await open({ random: 1 });
    opened.dns.react = ({ type }) => (type === 'AAAA' ? 'SERVFAIL' : undefined);
    await opened.turn();
    await opened.turn();
    opened.publish('10.0.0.2');
    await opened.turn();
    // The TTL bounds the back-off: what can be asked is asked in time.
    for (let turn = 0; turn < 3; turn += 1) await opened.turn();
    expect(await opened.turn()).toBe(5500);
    const failed = '(the server failed (SERVFAIL))';
    expect(opened.told).toEqual([
      '10.0.0.1',
      `10.0.0.1 ${failed}`,
      '10.0.0.2',
      `10.0.0.2 ${failed}`,
    ]);
    opened.answers();
    await opened.turn();
    expect(opened.told.at(-1)).toBe('10.0.0.2');
  });

  it('leaves no timer behind, waiting or asking', async () => {
    for (const reaction of [undefined, 'silence'] as const) {
      await using opened = await open();
      opened.answers(reaction);
      if (reaction !== undefined) {
        await opened.clock.advance(5000);
        await until(() => opened.dns.queries.length === 4);
      }
      await opened.registry.close();
      expect(opened.clock.pending).toBe(0);
    }
  });
});
