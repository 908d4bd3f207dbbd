import { Dispatcher } from 'undici';
import type { Attempt } from '../attempt';
import type { MeshDispatcher } from './mesh-dispatcher';

/** The dispatcher of one call of `fetch`: collects the attempts of its requests, of which redirects make several. */
export class CallDispatcher extends Dispatcher {
  readonly attempts: Attempt[] = [];
  readonly #mesh: MeshDispatcher;

  constructor(mesh: MeshDispatcher) {
    super();
    this.#mesh = mesh;
  }

  override dispatch(
    options: Dispatcher.DispatchOptions,
    handler: Dispatcher.DispatchHandler,
  ): boolean {
    return this.#mesh.send(options, handler, (attempts) => {
      this.attempts.push(...attempts);
    });
  }
}
