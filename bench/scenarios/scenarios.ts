import { healthy, type Behaviour } from './backend';
import type { Scenario } from './scenario';
import type { Stage } from './stage';

const slow = { delayMs: [20, 20] } as const;
const outliers = { share: 0.01, extraMs: 50 };
const capacityOf = (perSecond: number): Behaviour => ({ ...healthy, perSecond });

export const scenarios: Readonly<Record<string, Scenario>> = {
  slow: {
    title: 'One slow instance',
    text: 'One of ten instances takes 20 ms instead of 1 to 2.',
    instances: 10,
    phases: [
      {
        name: 'fault',
        seconds: 8,
        act: async (stage) => {
          stage.mark([stage.backend(0)], 10);
          await stage.backend(0).behave(slow);
        },
      },
    ],
    columns: ['marked share'],
  },
  hung: {
    title: 'One hung instance',
    text: 'One of ten instances is stopped (SIGSTOP) for 5 s: it accepts connections and answers nothing.',
    instances: 10,
    hasWrites: true,
    phases: [
      {
        name: 'fault',
        seconds: 5,
        act: async (stage) => {
          stage.backend(0).pause();
        },
      },
      {
        name: 'after',
        seconds: 4,
        act: async (stage) => {
          stage.backend(0).resume();
          stage.mark([stage.backend(0)], 10);
        },
      },
    ],
    columns: ['slower than 500 ms', 'first use', 'half of its share'],
  },
  outliers: {
    title: 'Occasional outliers',
    text: 'As with one slow instance; and 1 % of all answers, also of the healthy phase, take 50 ms more.',
    instances: 10,
    behaviour: { ...healthy, outliers },
    phases: [
      {
        name: 'fault',
        seconds: 8,
        act: async (stage) => {
          stage.mark([stage.backend(0)], 10);
          await stage.backend(0).behave({ ...slow, outliers });
        },
      },
    ],
    columns: ['marked share'],
  },
  overloaded: {
    title: 'One overloaded instance',
    text: 'One of ten instances can do 33 requests a second, one at a time; an equal share is 40.',
    instances: 10,
    phases: [
      {
        name: 'fault',
        seconds: 8,
        act: async (stage) => {
          stage.mark([stage.backend(0)], 10);
          await stage.backend(0).behave(capacityOf(33));
        },
      },
    ],
    columns: ['marked share'],
  },
  killed: {
    title: 'A killed instance',
    text: 'One of three instances is killed (SIGKILL), and the registry does not notice. After 5 s it is restarted at its address.',
    instances: 3,
    hasWrites: true,
    phases: [
      { name: 'fault', seconds: 5, act: (stage) => stage.backend(0).kill() },
      {
        name: 'after',
        seconds: 8,
        act: async (stage) => {
          await stage.backend(0).restart();
          stage.mark([stage.backend(0)], 3);
        },
      },
    ],
    columns: ['first use', 'half of its share'],
  },
  rolling: {
    title: 'Rolling replacement',
    text: 'Each of three instances is replaced. The old one leaves the registry, serves for another 1.5 s with `connection: close`, and then gets SIGTERM.',
    instances: 3,
    hasWrites: true,
    phases: [
      {
        name: 'fault',
        seconds: 0,
        act: async (stage) => {
          await replaceEach(stage, async (old, others) => {
            await stage.publish(others);
            await old.drain();
            await stage.wait(1.5);
            await old.terminate();
          });
        },
      },
    ],
    columns: ['first use'],
  },
  abrupt: {
    title: 'Rolling replacement without a grace period',
    text: 'Each of three instances is replaced. The old one gets SIGTERM and closes its idle connections immediately; the registry tells that 300 ms later.',
    instances: 3,
    hasWrites: true,
    phases: [
      {
        name: 'fault',
        seconds: 0,
        act: async (stage) => {
          await replaceEach(stage, async (old, others) => {
            const terminated = old.terminate();
            await stage.wait(0.3);
            await stage.publish(others);
            await terminated;
            await stage.wait(1.2);
          });
        },
      },
    ],
    columns: ['first use'],
  },
  outage: {
    title: 'Registry outage',
    text: 'The registry is down while all three instances are replaced by others: the old ones are killed, one each second. For 3 s none is left that a client could know; then the registry is back with the new set.',
    instances: 3,
    hasWrites: true,
    phases: [
      {
        name: 'fault',
        seconds: 3,
        act: async (stage) => {
          await stage.loseRegistry();
          await stage.startMany(3);
          await stage.wait(0.8);
          await stage.backend(0).kill();
          await stage.wait(1);
          await stage.backend(1).kill();
        },
      },
      {
        name: 'dark',
        seconds: 3,
        act: async (stage) => {
          // What was sent before belongs to the phase before, and is answered by now.
          await stage.wait(0.1);
          await stage.backend(2).kill();
        },
      },
      {
        name: 'after',
        seconds: 3,
        act: async (stage) => {
          const moved = stage.backends.slice(3);
          stage.mark(moved, 3);
          await stage.publish(moved);
        },
      },
    ],
    columns: ['failed in the dark', 'first use', 'last failure after'],
  },
  'all-failing': {
    title: 'All instances fail',
    text: 'All three instances answer 503 for 10 s, and are well again.',
    instances: 3,
    phases: [
      {
        name: 'fault',
        seconds: 10,
        act: (stage) => stage.behaveAll({ ...healthy, status: 503 }),
      },
      { name: 'after', seconds: 8, act: (stage) => stage.behaveAll(healthy) },
    ],
    columns: ['last failure after', 'least share', 'most share'],
    mayFail: true,
    maySlow: true,
  },
  'fast-500': {
    title: 'An instance that fails fast',
    text: 'One of three instances answers 500 immediately; the others take 20 ms.',
    instances: 3,
    behaviour: slow,
    phases: [
      {
        name: 'fault',
        seconds: 8,
        act: async (stage) => {
          stage.mark([stage.backend(0)], 3);
          await stage.backend(0).behave({ delayMs: [0, 0], status: 500 });
        },
      },
      { name: 'after', seconds: 3, act: (stage) => stage.backend(0).behave(slow) },
    ],
    columns: ['marked share', 'last failure after'],
  },
  overload: {
    title: 'General overload',
    text: 'For 6 s the three instances can do 250 requests a second together instead of 500, and 400 arrive. Work is done also for callers that have given up.',
    instances: 3,
    behaviour: capacityOf(500 / 3),
    phases: [
      {
        name: 'fault',
        seconds: 6,
        act: (stage) => stage.behaveAll(capacityOf(250 / 3)),
      },
      { name: 'after', seconds: 9, act: (stage) => stage.behaveAll(capacityOf(500 / 3)) },
    ],
    columns: ['answered a second', 'last failure after', 'least share', 'most share'],
    mayFail: true,
    maySlow: true,
  },
  'brown-out': {
    title: 'Brown-out',
    text: 'For 6 s every answer takes 1.2 s, of a deadline of 2 s. 100 requests a second.',
    instances: 3,
    perSecond: 100,
    phases: [
      {
        name: 'fault',
        seconds: 6,
        act: (stage) => stage.behaveAll({ delayMs: [1200, 1200] }),
      },
      { name: 'after', seconds: 6, act: (stage) => stage.behaveAll(healthy) },
    ],
    columns: ['last failure after', 'least share', 'most share'],
    maySlow: true,
  },
  'scale-out': {
    title: 'Scale-out',
    text: 'Two instances that can do 250 requests a second each are joined by four of the same kind.',
    instances: 2,
    behaviour: capacityOf(250),
    phases: [
      {
        name: 'fault',
        seconds: 8,
        act: async (stage) => {
          const added = await stage.startMany(4, capacityOf(250));
          stage.mark(added, 6);
          await stage.publish([...stage.published, ...added]);
        },
      },
    ],
    columns: ['marked share', 'first use', 'half of its share'],
  },
};

/** Replaces the three instances of the beginning one after the other; the new one serves before the old one goes. */
async function replaceEach(
  stage: Stage,
  retire: (old: Stage['backends'][number], others: Stage['backends']) => Promise<void>,
): Promise<void> {
  for (const old of stage.published) {
    const added = await stage.start();
    stage.mark([added], stage.published.length + 1);
    await stage.publish([...stage.published, added]);
    await stage.wait(0.5);
    await retire(
      old,
      stage.published.filter((backend) => backend !== old),
    );
  }
}
