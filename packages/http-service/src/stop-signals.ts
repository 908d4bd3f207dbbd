import { constants } from 'node:os';

/** npm passes on the Ctrl-C that the terminal has already sent to every process: one press, two signals. */
const echoMs = 300;

/**
 * Calls `stop` on the first signal that asks this process to end. A second one ends it at once, with
 * 128 + its number. A closed terminal is as good a reason to stop as Ctrl-C.
 */
export function onStopSignal(stop: (signal: NodeJS.Signals) => void): void {
  let first: { readonly signal: NodeJS.Signals; readonly at: number } | undefined;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      const at = performance.now();
      if (first === undefined) {
        first = { signal, at };
        stop(signal);
      } else if (signal !== 'SIGINT' || first.signal !== signal || at - first.at > echoMs) {
        process.exit(exitCodeOf(signal));
      }
    });
  }
}

/** What a process ends with that a signal ended. */
export function exitCodeOf(signal: NodeJS.Signals): number {
  return 128 + constants.signals[signal];
}
