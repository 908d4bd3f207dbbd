import { docker, dockerExit } from './docker';

const running = new Set<string>();

/**
 * A container without a network: what is asked of it is asked from inside, so that there is no port to be taken, and
 * an engine that can give none will do.
 */
export class Container {
  readonly #id: string;

  private constructor(id: string) {
    this.#id = id;
    running.add(id);
  }

  static async start(image: string, flags: readonly string[]): Promise<Container> {
    const args = ['run', '--detach', '--network=none', ...flags, image];
    return new Container((await docker(args)).trim());
  }

  /** The status and the body, or `undefined` where nobody listens. */
  async get(path: string): Promise<{ status: number; body: string } | undefined> {
    const script = `fetch('http://127.0.0.1:8080${path}').then(
      async (response) => ({ status: response.status, body: await response.text() }),
      () => undefined,
    ).then((answer) => console.log(JSON.stringify(answer) ?? ''))`;
    const answer = await this.node('--eval', script);
    return answer === '' ? undefined : (JSON.parse(answer) as { status: number; body: string });
  }

  /** Runs Node in it, which is in the same place in every image, with the environment of the image. */
  async node(...args: string[]): Promise<string> {
    return (await docker(['exec', this.#id, '/nodejs/bin/node', ...args])).trim();
  }

  /** Puts a file into it as a sync does: tar unlinks what is there and makes it anew. */
  async sync(archive: Buffer): Promise<void> {
    const tar = ['tar', 'xmf', '-', '-C', '/', '--no-same-owner'];
    await docker(['exec', '--interactive', this.#id, ...tar], { input: archive });
  }

  /** The signal a cluster sends; resolves with the exit code and the time that it took. */
  async terminate(): Promise<{ code: number; tookMs: number }> {
    const began = performance.now();
    await docker(['kill', '--signal=TERM', this.#id]);
    const code = Number(await docker(['wait', this.#id]));
    return { code, tookMs: performance.now() - began };
  }

  async inspect(format: string): Promise<string> {
    return (await docker(['inspect', `--format=${format}`, this.#id])).trim();
  }

  logs(): Promise<string> {
    return docker(['logs', this.#id]);
  }
}

/** Runs an image to its end; `null` is the code of one that has none, and is ended with the others. */
export function runToEnd(
  image: string,
  flags: readonly string[],
  args: readonly string[] = [],
): ReturnType<typeof dockerExit> {
  const name = `movies-${process.pid}-${running.size}`;
  const exit = dockerExit(['run', `--name=${name}`, '--network=none', ...flags, image, ...args]);
  running.add(name);
  return exit;
}

/** For `afterEach`. */
export async function removeContainers(): Promise<void> {
  if (running.size > 0) await docker(['rm', '--force', ...running]);
  running.clear();
}
