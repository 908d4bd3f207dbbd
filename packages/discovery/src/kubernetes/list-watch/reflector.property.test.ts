import fc from 'fast-check';
import { ManualClock } from '@movies/time/testing';
import type { EndpointSlice } from '../endpoints/endpoint-slice';
import { EndpointSliceSet } from '../endpoints/endpoint-slice-set';
import { Reflector } from './reflector';
import { ScriptedListWatch, type ScriptedFault } from '../testing/scripted-list-watch';
import { runSource } from '../../adapter/source';
import { describeSlices, ServerModel } from '../testing/server-model';

const largestBackoffMs = 30_000;

type Step =
  | { readonly wait: number }
  | { readonly put: string; readonly addresses: readonly string[] }
  | { readonly delete: string }
  | { readonly compact: true }
  /** Every watch from before is refused, for ever. */
  | { readonly spoil: true }
  | { readonly setBack: number }
  /** What the next requests meet. */
  | { readonly faults: readonly ScriptedFault[] }
  /** What the open watch meets. */
  | { readonly strike: ScriptedFault };

const fault: fc.Arbitrary<ScriptedFault> = fc.record({
  kind: fc.constantFrom(
    ...(['expired', 'malformed', 'lost', 'refused', 'silent', 'unreachable', 'hang'] as const),
    ...(['expired event', 'refused event', 'closed', 'muted', 'slow', 'stale', 'again'] as const),
  ),
  retryAfterMs: fc.constantFrom(undefined, undefined, 0, 2000, largestBackoffMs),
});
const faultsInARow = fc
  .tuple(fault, fc.constantFrom(1, 1, 3, 7))
  .map(([each, times]) => Array.from({ length: times }, () => each));
const name = fc.constantFrom('a', 'b', 'c');
const address = fc.constantFrom('10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.0.4', '10.0.0.5');

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ wait: fc.constantFrom(0, 10, 700, 3000, 15_000, 130_000, 300_000) }),
  },
  {
    weight: 5,
    arbitrary: fc.record({ put: name, addresses: fc.uniqueArray(address, { maxLength: 3 }) }),
  },
  { weight: 2, arbitrary: fc.record({ delete: name }) },
  { weight: 1, arbitrary: fc.constant<Step>({ compact: true }) },
  { weight: 1, arbitrary: fc.constant<Step>({ spoil: true }) },
  { weight: 1, arbitrary: fc.record({ setBack: fc.nat(5) }) },
  { weight: 4, arbitrary: fc.record({ faults: faultsInARow }) },
  { weight: 4, arbitrary: fc.record({ strike: fault }) },
);

/** A reflector on a model of the server, and what must hold whenever its set changes. */
function reflect(random: () => number) {
  const clock = new ManualClock();
  const model = new ServerModel();
  const listWatch = new ScriptedListWatch(model, clock);
  const set = new EndpointSliceSet({ service: 'metadata', port: 'http' });
  const held = new Map<string, EndpointSlice>();
  const strange: string[] = [];
  let told = 0;
  const check = () => {
    told += 1;
    const state = describeSlices(held.values());
    if (!model.states.has(state)) strange.push(state);
  };
  const reflector = new Reflector<EndpointSlice>({
    listWatch,
    clock,
    random,
    store: {
      replace: (slices) => {
        held.clear();
        for (const slice of slices) held.set(slice.metadata.name, slice);
        set.replace(slices);
        check();
      },
      put: (slice) => {
        held.set(slice.metadata.name, slice);
        set.put(slice);
        check();
      },
      delete: (gone) => {
        held.delete(gone);
        set.delete(gone);
        check();
      },
      confirm: check,
    },
  });
  const stop = new AbortController();
  const sink = { publish: check, fail: check };
  const running = runSource(reflector, { sink, clock, random }, stop.signal);
  const close = async () => {
    stop.abort();
    await running;
  };
  return { clock, model, listWatch, set, held, strange, close, told: () => told };
}

type Reflected = ReturnType<typeof reflect>;

async function take(step: Step, { clock, model, listWatch }: Reflected): Promise<void> {
  if ('wait' in step) await clock.advance(step.wait);
  else if ('put' in step) model.put(step.put, step.addresses);
  else if ('delete' in step) model.delete(step.delete);
  else if ('compact' in step) model.compact();
  else if ('spoil' in step) model.spoil();
  else if ('faults' in step) listWatch.faults.push(...step.faults);
  else if ('setBack' in step) {
    // A store is restored while its server stands still.
    model.setBack(step.setBack);
    listWatch.tell({ kind: 'lost' });
    await clock.advance(0);
  } else {
    listWatch.tell(step.strike);
    await clock.advance(0);
  }
  listWatch.tell();
}

function addressesOf(model: ServerModel): string[] {
  const all = [...model.slices.values()].flatMap(({ endpoints }) => endpoints ?? []);
  return [...new Set(all.map(({ addresses }) => `${addresses?.[0] ?? ''}:80`))].sort();
}

const storm = fc.tuple(
  fc.array(step, { minLength: 1, maxLength: 40, size: 'max' }),
  fc.infiniteStream(fc.double({ min: 0, max: 0.999_999, noNaN: true })),
);

test('after the faults end the set is the server’s within twice the largest back-off, and was never another', async () => {
  await fc.assert(
    fc.asyncProperty(storm, async ([steps, numbers]) => {
      const reflected = reflect(() => Number(numbers.next().value));
      const { clock, model, listWatch, set, held, strange, close } = reflected;
      try {
        for (const each of steps) await take(each, reflected);

        // The faults end: what hangs breaks, and what was to come does not.
        listWatch.faults = [];
        listWatch.tell({ kind: 'lost' });
        model.put('last', ['10.0.0.9']);
        // What the server refuses for ever it refuses a few times before another request heals it.
        const isSpoilt = steps.some((each) => 'spoil' in each);
        await clock.advance((isSpoilt ? 4 : 2) * largestBackoffMs);

        expect(describeSlices(held.values())).toBe(describeSlices(model.slices.values()));
        expect(set.instances.map(({ id }) => id).sort()).toEqual(addressesOf(model));
        expect(strange).toEqual([]);
        const { listedAt } = listWatch;
        const gaps = listedAt.slice(1).map((at, i) => at - (listedAt[i] ?? 0));
        expect(Math.min(...gaps, 1000)).toBeGreaterThanOrEqual(1000 - 1e-6);
      } finally {
        await close();
      }
    }),
    { numRuns: 1500 },
  );
});

test('close ends it whatever it is doing, and then there is silence', async () => {
  await fc.assert(
    fc.asyncProperty(storm, fc.nat(20), async ([steps, numbers], laterMs) => {
      const reflected = reflect(() => Number(numbers.next().value));
      const { clock, model, listWatch, close, told } = reflected;
      for (const each of steps) await take(each, reflected);
      await clock.advance(laterMs);

      const before = told();
      await close();

      expect(clock.pending).toBe(0);
      model.put('later', ['10.0.0.8']);
      listWatch.tell();
      await clock.advance(300_000);
      expect(told()).toBe(before);
    }),
    { numRuns: 500 },
  );
});
