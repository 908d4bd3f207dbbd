import type { Instance } from '@movies/discovery';
import { StaticRegistry } from '@movies/discovery/static';
import { Mesh, type MeshOptions } from '../mesh/mesh';
import { Origin } from './origin';
import { StandingClock } from './standing-clock';

/** Some origins of the service `rating`, and a mesh that knows them. Time stands until a test moves it. */
export class MeshScene implements AsyncDisposable {
  readonly clock = new StandingClock();
  readonly registry: StaticRegistry;
  readonly mesh: Mesh;
  readonly #origins: ReadonlyMap<string, Origin>;

  private constructor(origins: readonly Origin[], options: MeshOptions) {
    this.#origins = new Map(origins.map((origin) => [origin.id, origin]));
    this.registry = new StaticRegistry({ rating: this.instances });
    this.mesh = new Mesh(this.registry, { random: () => 0, ...options, clock: this.clock });
  }

  static async open(ids: readonly string[], options: MeshOptions = {}): Promise<MeshScene> {
    return new MeshScene(await Promise.all(ids.map((id) => Origin.listen(id))), options);
  }

  get instances(): Instance[] {
    return [...this.#origins.values()].map((origin) => origin.instance());
  }

  origin(id: string): Origin {
    const origin = this.#origins.get(id);
    if (origin === undefined) throw new Error(`no origin '${id}'`);
    return origin;
  }

  /** How often each origin was asked, in the order of their ids. */
  get counts(): number[] {
    return [...this.#origins.values()].map(({ requests }) => requests.length);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#origins.values()].map((origin) => origin.close()));
    await this.mesh.close(0);
    await this.registry.close();
  }
}
