import { ManualClock, until } from '@movies/time/testing';
import { FakeDns, type DnsReaction } from '../testing/fake-dns';
import type { View } from '../view';
import { DnsRegistry } from './dns-registry';

const name = 'metadata.local';

/** `10.0.0.1 10.0.0.2 (servfail)` */
function describeView(view: View): string {
  if (view.state !== 'known') return view.state;
  const { instances, failure, emptyBecause, note } = view;
  const hosts = instances.map(({ host }) => host).join(' ');
  const reason = failure === undefined ? '' : ` (${failure.message.replace(/^.*: /, '')})`;
  const remark = note === undefined ? '' : ' (noted)';
  return `${hosts}${reason}${emptyBecause === undefined ? '' : ' (empty: says why)'}${remark}`;
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
  const answers = (reaction?: DnsReaction, ofAAAA = reaction) => {
    dns.react = ({ type }) => (type === 'AAAA' ? ofAAAA : reaction);
  };
  /** Until the source waits for its next turn: within one, the turn and each question have a limit. */
  const waits = () => until(() => clock.pending === 1);
  publish(...hosts);
  const watch = registry.watch('metadata');
  const told: string[] = [];
  watch.subscribe((view) => told.push(describeView(view)));
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
      await using opened = await open({ random: 0.5 });
      opened.answers(reaction);
      for (let turn = 0; turn < 5; turn += 1) await opened.turn();
      opened.answers();
      await opened.turn();
      expect(opened.told).toEqual([
        '10.0.0.1',
        expect.stringMatching(new RegExp(`^10.0.0.1 \\(.*${reaction}`)),
        '10.0.0.1',
      ]);
      expect([...opened.watch.failures]).toEqual([[reaction.toLowerCase(), 5]]);
    },
  );

  it('asks a failing server less and less often, up to 30 s, and anew after a success', async () => {
    await using opened = await open({ random: 1 });
    opened.answers('SERVFAIL');
    await opened.turn();
    const waits: number[] = [];
    for (let turn = 0; turn < 8; turn += 1) waits.push(await opened.turn());
    expect(waits).toEqual([800, 1600, 3200, 6400, 12_800, 25_600, 30_000, 30_000]);
    opened.answers();
    await opened.turn();
    opened.answers('SERVFAIL');
    await opened.turn();
    expect(await opened.turn()).toBe(800);
  });

  it('goes on with the last set while nothing listens, and heals when something does', async () => {
    await using opened = await open({ random: 0.5 });
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

  it('gives a silent server 5 s', async () => {
    await using opened = await open({ random: 0.5 });
    opened.answers('silence');
    await opened.clock.advance(5250);
    await until(() => opened.dns.queries.length === 4);
    await opened.clock.advance(4999);
    expect(opened.told).toEqual(['10.0.0.1']);
    await opened.clock.advance(1);
    await opened.waits();
    expect(opened.told).toEqual(['10.0.0.1', '10.0.0.1 (no answer in time)']);
    expect([...opened.watch.failures]).toEqual([['timeout', 1]]);
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
    await using opened = await open({ random: 0.5 });
    opened.publish();
    await opened.turn();
    opened.answers('SERVFAIL');
    await opened.turn();
    opened.answers();
    await opened.turn();
    expect(opened.told.at(-1)).toMatch(/^10.0.0.1/);
    await opened.turn();
    expect(opened.told.at(-1)).toBe(' (empty: says why)');
  });

  it('takes empty answers for the truth after 15 s, whatever fails between them', async () => {
    await using opened = await open({ random: 0.5 });
    const isEmpty = () => opened.told.some((told) => told.startsWith(' (empty'));
    for (let round = 0; round < 20 && !isEmpty(); round += 1) {
      opened.publish();
      opened.answers();
      await opened.turn();
      opened.answers('SERVFAIL');
      await opened.turn();
      await opened.clock.advance(1000);
    }
    expect(isEmpty()).toBe(true);
  });

  it('knows only after the second answer that a set is empty from the start', async () => {
    await using opened = await open({ hosts: [] });
    expect(opened.watch.view).toEqual({ state: 'unknown' });
    expect(await opened.turn()).toBe(1000);
    expect(opened.watch.view).toMatchObject({ version: 1, instances: [] });
  });

  it('confirms the set each time beside a family that is never answered, without a failure', async () => {
    await using opened = await open();
    const { clock, dns, watch } = opened;
    opened.answers(undefined, 'silence');
    const questions = () => dns.queries.filter(({ type }) => type === 'A').length;
    for (let turn = 0; turn < 10; turn += 1) {
      const before = questions();
      while (questions() === before) {
        await clock.advance(clock.nextInMs ?? Number.NaN);
        // In a turn: its limit, and that of a question or two.
        if (clock.pending > 2) await until(() => questions() > before);
      }
      await until(() => clock.nextInMs === 50 || watch.ageMs === 0);
      await clock.advance(50);
      expect(watch.ageMs).toBeLessThanOrEqual(50);
    }
    expect(opened.told).toEqual(['10.0.0.1', '10.0.0.1 (noted)']);
    expect(opened.watch.failures.size).toBe(0);
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
