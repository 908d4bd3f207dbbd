import { ManualClock } from '@movies/time/testing';
import type { Sink } from '../adapter/source';
import { SourceFailure } from '../adapter/source-failure';
import {
  WatchedRegistry,
  type AdapterOptions,
  type RegistryOptions,
} from '../adapter/watched-registry';

/** What the registry of a test says when it fails. */
export const down = new SourceFailure('refused', 'the registry is down', { reason: 'reset' });

/** A registry that knows what a test tells the sinks of its sources; `log` has what happened to them, in order. */
export function openTold(
  adapter: Partial<AdapterOptions> = {},
  options: Omit<RegistryOptions, 'clock'> = {},
) {
  const clock = new ManualClock();
  const log: string[] = [];
  const sinks: Sink[] = [];
  const registry = new WatchedRegistry(
    {
      name: 'told',
      origin: () => 'told://here',
      open: ({ service }, sink) => {
        log.push(`open ${service}`);
        sinks.push(sink);
        return {
          turn: () => Promise.resolve(Infinity),
          close: () => {
            log.push(`close ${service}`);
          },
        };
      },
      release: async () => {
        log.push('release');
      },
      ...adapter,
    },
    { clock, random: () => 1, ...options },
  );
  /** The sink of the source that was opened last. */
  const sink = (): Sink => {
    const last = sinks.at(-1);
    if (last === undefined) throw new Error('no source was opened');
    return last;
  };
  return { registry, clock, log, sink };
}
