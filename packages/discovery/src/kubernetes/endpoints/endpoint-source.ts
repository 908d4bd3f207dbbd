import type { Clock, Random } from '@movies/time';
import type { Sink, Source } from '../../adapter/source';
import type { ListWatch } from '../list-watch/list-watch';
import { Reflector, type Store } from '../list-watch/reflector';
import { EndpointSliceSet } from './endpoint-slice-set';
import {
  slicesOfEndpoints,
  type Endpoints,
  type EndpointSlice,
  type SlicesOfObject,
} from './endpoint-slice';

/** The objects of either API that say where the endpoints of a Service are. */
export type EndpointObject = EndpointSlice | Endpoints;

/** The Service to follow, and where its endpoints come from and go to. */
export interface EndpointSourceOptions {
  readonly service: string;
  /** The name of the port; '' is the unnamed one. */
  readonly port: string;
  /** The objects of this Service. */
  readonly listWatch: Pick<ListWatch<EndpointObject>, 'list' | 'watch' | 'namespace'>;
  readonly sink: Sink;
  readonly clock: Clock;
  readonly random: Random;
}

/** Events that come together, as in a rolling update, make one snapshot. */
const batchMs = 10;

/** Follows one Service: what the reflector hears goes into the set, and the set into the sink. */
export class EndpointSource implements Source, Store<EndpointObject> {
  readonly #options: EndpointSourceOptions;
  readonly #set: EndpointSliceSet;
  readonly #reflector: Reflector<EndpointObject>;
  #publishedAt = -Infinity;
  #cancelPublish: (() => void) | undefined;

  constructor(options: EndpointSourceOptions) {
    this.#options = options;
    this.#set = new EndpointSliceSet(options);
    this.#reflector = new Reflector({ ...options, store: this });
  }

  async turn(signal: AbortSignal): Promise<number> {
    try {
      return await this.#reflector.turn(signal);
    } finally {
      // Before the failure that ends the turn, since a set that comes later would say that all is well.
      if (signal.aborted) this.close();
      else if (this.#cancelPublish !== undefined) this.#publish();
    }
  }

  close(): void {
    this.#cancelPublish?.();
  }

  replace(objects: readonly EndpointObject[]): void {
    this.#set.replace(objects.flatMap(slicesOf));
    this.#publish();
  }

  put(object: EndpointObject): void {
    this.#set.put(...slicesOf(object));
    this.#publishSoon();
  }

  delete(name: string): void {
    this.#set.delete(name);
    this.#publishSoon();
  }

  confirm(): void {
    this.#publish();
  }

  /** At once after a quiet time, else at the end of the batch. */
  #publishSoon(): void {
    const { clock } = this.#options;
    const waitMs = Math.max(0, this.#publishedAt + batchMs - clock.now());
    this.#cancelPublish ??= clock.schedule(waitMs, () => {
      this.#publish();
    });
  }

  #publish(): void {
    const { sink, clock, listWatch } = this.#options;
    this.#cancelPublish?.();
    this.#cancelPublish = undefined;
    this.#publishedAt = clock.now();
    const { instances, emptyBecause } = this.#set;
    const namespace = listWatch.namespace ?? '';
    sink.publish(instances, {
      emptyBecause: emptyBecause && `in the namespace '${namespace}' ${emptyBecause}`,
    });
  }
}

function slicesOf(object: EndpointObject): SlicesOfObject {
  return 'addressType' in object ? [object] : slicesOfEndpoints(object);
}
