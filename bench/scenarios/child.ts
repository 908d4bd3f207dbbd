import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { Answer, Question } from './answer-parent';

const running = new Set<Child>();

/** A process of a run. It answers questions (see `answerParent`), and takes signals by its pid. */
export class Child {
  readonly #name: string;
  readonly #process: ChildProcess;
  readonly #exited: Promise<unknown>;
  #asked = 0;

  /** `options` reach the script as JSON, in its first argument. */
  constructor(name: string, script: string, options: unknown) {
    this.#name = name;
    this.#process = fork(script, [JSON.stringify(options)], {
      // Ten processes that start together must not collect their garbage together, in their first idle moment.
      execArgv: ['--no-memory-reducer'],
      env: { ...process.env, NODE_ENV: 'production', GRPC_VERBOSITY: 'NONE' },
    });
    this.#exited = once(this.#process, 'exit');
    // Listeners of all questions under way at once.
    this.#process.setMaxListeners(0);
    running.add(this);
  }

  get isRunning(): boolean {
    return this.#process.exitCode === null && this.#process.signalCode === null;
  }

  /** What the process answers. Rejects with its error, when the process ends, or after `limitMs`. */
  ask<T>(question: string, argument?: unknown, limitMs = 15_000): Promise<T> {
    this.#asked += 1;
    const id = this.#asked;
    return new Promise((resolve, reject) => {
      const settle = () => {
        clearTimeout(timer);
        this.#process.off('message', onMessage).off('exit', onExit);
      };
      const fail = (why: string) => {
        settle();
        reject(new Error(`${this.#name}, asked for '${question}': ${why}`));
      };
      const onMessage = (message: unknown) => {
        const answer = message as Answer;
        if (answer.id !== id) return;
        if (answer.error !== undefined) {
          fail(answer.error);
          return;
        }
        settle();
        resolve(answer.value as T);
      };
      const onExit = () => {
        fail('the process has ended');
      };
      const timer = setTimeout(fail, limitMs, `no answer in ${limitMs} ms`);
      this.#process.on('message', onMessage).once('exit', onExit);
      if (this.isRunning) this.#process.send({ id, question, argument } satisfies Question);
      else onExit();
    });
  }

  signal(signal: NodeJS.Signals): void {
    if (this.isRunning) this.#process.kill(signal);
  }

  /** Resolves when the process has ended. */
  async ended(): Promise<void> {
    if (this.isRunning) await this.#exited;
    running.delete(this);
  }

  /** Ends the process with SIGKILL, which also ends a stopped one. Further calls do nothing. */
  async kill(): Promise<void> {
    this.signal('SIGKILL');
    await this.ended();
  }
}

/** Kills whatever is still running, without waiting. */
export function killChildren(): void {
  for (const child of running) child.signal('SIGKILL');
}
