import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { docker, dockerCommand, dockerExit } from '../../test/images/docker';

const nodePath = '/nodejs/bin/node';
/** As the pods are run. */
const restricted = ['--user=65532:65532', '--cap-drop=ALL', '--memory=256m'];
const running = new Set<string>();

/** What runs in a container: an image's Node with these arguments. */
export interface Program {
  readonly image: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** A file that the image has not, put there as `/tmp/program.cjs`. */
  readonly file?: string | undefined;
}

export interface MemoryUse {
  readonly rssMiB: number;
  /** Of it, what is not a page of a file: the process's own. */
  readonly anonymousMiB: number;
}

/** Containers on one loopback that no other has, so that no port is taken; they are asked from one more of them. */
export class ContainerGroup {
  readonly #holder: string;

  private constructor(holder: string) {
    this.#holder = holder;
  }

  static async start(image: string): Promise<ContainerGroup> {
    const args = ['--eval', 'setInterval(() => {}, 1e6)'];
    return new ContainerGroup(await launch({ image, args, env: {} }, 'none'));
  }

  /** Starts a program beside the others. */
  run(program: Program): Promise<string> {
    return launch(program, `container:${this.#holder}`);
  }

  /** Runs a script of this folder on the group's loopback, in a process of its own container. */
  async script(name: string, env: Readonly<Record<string, string>>): Promise<void> {
    const source = readFileSync(path.join(__dirname, name), 'utf8');
    const args = ['exec', ...environment(env), this.#holder, nodePath, '--eval', source];
    await docker(args, { limitMs: 300_000 });
  }

  /** The status and the body of an answer to the group's loopback. */
  async ask(method: string, url: string): Promise<{ status: number; body: string } | undefined> {
    const source = `fetch('${url}', { method: '${method}' }).then(
      async (response) => ({ status: response.status, body: await response.text() }),
      () => undefined,
    ).then((answer) => console.log(JSON.stringify(answer) ?? ''))`;
    const answer = (await docker(['exec', this.#holder, nodePath, '--eval', source])).trim();
    return answer === '' ? undefined : (JSON.parse(answer) as { status: number; body: string });
  }
}

/** Of the first process of a container. */
export async function memoryUse(container: string): Promise<MemoryUse> {
  const source = `console.log(require('node:fs').readFileSync('/proc/1/status', 'utf8'))`;
  const status = await docker(['exec', container, nodePath, '--eval', source]);
  const mebibytes = (field: string) => {
    const kibibytes = new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1];
    if (kibibytes === undefined) throw new Error(`/proc/1/status has no ${field}`);
    return Number(kibibytes) / 1024;
  };
  return { rssMiB: mebibytes('VmRSS'), anonymousMiB: mebibytes('RssAnon') };
}

/** Milliseconds from the start of a process to its first 200, several times, in a container of its own. */
export async function startTimes(
  program: Program,
  readyUrl: string,
  rounds: number,
): Promise<readonly number[]> {
  const source = readFileSync(path.join(__dirname, 'start-timer.cjs'), 'utf8');
  const container = await launch(
    {
      ...program,
      args: ['--eval', source, '--', ...program.args],
      env: { ...program.env, READY_URL: readyUrl, ROUNDS: String(rounds) },
    },
    'none',
  );
  const code = (await docker(['wait', container], { limitMs: 120_000 })).trim();
  const { output, errors } = dockerExit(['logs', container]);
  if (code !== '0') throw new Error(`${program.image} could not be started: ${errors}`);
  return JSON.parse(output) as number[];
}

/** Removes all of them, at once. */
export function removeBenchContainers(): void {
  if (running.size === 0) return;
  const [client, ...args] = dockerCommand;
  spawnSync(client, [...args, 'rm', '--force', ...running], { timeout: 30_000 });
  running.clear();
}

async function launch({ image, args, env, file }: Program, network: string): Promise<string> {
  const flags = [`--network=${network}`, ...restricted, ...environment(env)];
  const create = ['create', ...flags, `--entrypoint=${nodePath}`, image, ...args];
  const container = (await docker(create)).trim();
  running.add(container);
  if (file !== undefined) await docker(['cp', file, `${container}:/tmp/program.cjs`]);
  await docker(['start', container]);
  return container;
}

function environment(env: Readonly<Record<string, string>>): string[] {
  return Object.entries(env).map(([name, value]) => `--env=${name}=${value}`);
}
