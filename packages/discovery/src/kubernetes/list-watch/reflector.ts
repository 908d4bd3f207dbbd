import { type Clock, type Random, delay } from '@movies/time';
import type { KubeCollection } from './list-watch';
import { KubeFailure } from '../api-server/kube-failure';
import type { KubeObject } from './kube-object';
import {
  advance,
  begin,
  type ReflectorCommand,
  type ReflectorInput,
  type ReflectorState,
} from './reflector-machine';
import { isNewer, isOlder } from './resource-version';

/** What the reflector keeps equal to the server's objects. */
export interface ReflectorTarget<T extends KubeObject> {
  /** These are all, at one version. */
  replace(objects: readonly T[]): void;
  put(object: T): void;
  delete(name: string): void;
  /** Nothing has changed, says the server. */
  confirm(): void;
  /** The server cannot be heard; what is known stays. */
  fail(failure: KubeFailure): void;
}

export interface ReflectorOptions<T extends KubeObject> {
  readonly collection: Pick<KubeCollection<T>, 'list' | 'watch'>;
  readonly target: ReflectorTarget<T>;
  readonly clock: Clock;
  readonly random: Random;
}

/**
 * Keeps a target equal to a collection of the API server's objects: does what the reflector machine decides, one
 * request at a time, and tells it what came of it.
 */
export class Reflector<T extends KubeObject> {
  readonly #options: ReflectorOptions<T>;
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;
  #state: ReflectorState;

  constructor(options: ReflectorOptions<T>) {
    this.#options = options;
    const [state, command] = begin({ now: options.clock.now(), random: options.random });
    this.#state = state;
    this.#running = this.#run(command);
  }

  /** After this the target hears nothing more. */
  async close(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #run(first: ReflectorCommand | undefined): Promise<void> {
    // The target's owner gets its handle before it hears anything.
    await Promise.resolve();
    for (let command = first; command !== undefined;) {
      const input = await this.#attempt(command);
      if (this.#stop.signal.aborted) return;
      command = this.#tell(input);
      if (input.type === 'closed' && command?.do === 'wait') {
        this.#options.target.fail(endedAtOnce());
      }
    }
  }

  /** Never rejects: what goes wrong is an input too. */
  async #attempt(command: ReflectorCommand): Promise<ReflectorInput> {
    const { signal } = this.#stop;
    try {
      return await this.#carryOut(command, signal);
    } catch (error: unknown) {
      const failure = error instanceof KubeFailure ? error : unexpected(error);
      if (!signal.aborted) this.#options.target.fail(failure);
      return { type: 'failed', failure };
    }
  }

  async #carryOut(command: ReflectorCommand, signal: AbortSignal): Promise<ReflectorInput> {
    const { collection, target, clock } = this.#options;
    switch (command.do) {
      case 'wait':
        await delay(command.ms, clock, signal);
        return { type: 'waited' };
      case 'list': {
        const { version, objects } = await collection.list(command.consistent, signal);
        signal.throwIfAborted();
        target.replace(objects);
        return { type: 'listed', version };
      }
      case 'watch':
        await this.#watch(command, signal);
        return { type: 'closed' };
    }
  }

  async #watch(
    command: Extract<ReflectorCommand, { do: 'watch' }>,
    signal: AbortSignal,
  ): Promise<void> {
    const { collection, target } = this.#options;
    const onOpen = () => {
      signal.throwIfAborted();
      this.#tell({ type: 'opened' });
      target.confirm();
    };
    let known = command.version;
    for await (const event of collection.watch(command, signal, onOpen)) {
      signal.throwIfAborted();
      const { version } = event;
      if (event.type === 'BOOKMARK') {
        // A server that was set back to an older state would tell nothing until it is where we are.
        if (isOlder(version, known)) throw wentBack(known, version);
        target.confirm();
      } else if (isNewer(version, known)) {
        if (event.type === 'DELETED') target.delete(event.object.metadata.name);
        else target.put(event.object);
      } else {
        // Told before, or older than what is known: events come in the order of their versions.
        continue;
      }
      known = version;
      this.#tell({ type: 'heard', version });
    }
  }

  #tell(input: ReflectorInput): ReflectorCommand | undefined {
    const { clock, random } = this.#options;
    const [state, command] = advance(this.#state, input, { now: clock.now(), random });
    this.#state = state;
    return command;
  }
}

function endedAtOnce(): KubeFailure {
  return new KubeFailure('refused', 'the API server ended the watch at once', {
    reason: 'short_watch',
  });
}

function wentBack(known: string, version: string): KubeFailure {
  return new KubeFailure(
    'expired',
    `the API server went back from version ${known} to ${version}`,
    {
      reason: 'went_back',
    },
  );
}

function unexpected(cause: unknown): KubeFailure {
  return new KubeFailure('garbled', `an event could not be taken in: ${String(cause)}`, {
    reason: 'internal',
    cause,
  });
}
