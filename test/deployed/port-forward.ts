import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { namespace } from './deployed';

const limitMs = 15_000;

/** `kubectl port-forward` to a pod or Service, from a free port of this machine. */
export class PortForward {
  /** As in `http://127.0.0.1:43211`. */
  readonly url: string;

  readonly #child: ChildProcess;

  private constructor(url: string, child: ChildProcess) {
    this.url = url;
    this.#child = child;
  }

  /** @param target - as in `service/movie` or `pod/movie-5774d4dbff-7k25f`. */
  static async open(target: string, port: number): Promise<PortForward> {
    const child = spawn(
      'kubectl',
      [`--namespace=${namespace}`, 'port-forward', target, `:${port}`],
      {
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    );
    try {
      return new PortForward(await address(child, target), child);
    } catch (error) {
      child.kill();
      throw error;
    }
  }

  [Symbol.dispose](): void {
    this.#child.kill();
  }
}

function address(child: ChildProcess, target: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let errors = '';
    const fail = (why: string) => {
      reject(new Error(`port-forward to ${target} ${why}: ${errors}`));
    };
    setTimeout(fail, limitMs, `is not there within ${limitMs} ms`).unref();
    child.once('error', reject);
    child.once('exit', () => {
      fail('has ended');
    });
    child.stderr?.on('data', (chunk) => (errors += String(chunk)));
    if (child.stdout === null) return;
    createInterface({ input: child.stdout }).on('line', (line) => {
      const port = /^Forwarding from 127\.0\.0\.1:(\d+)/.exec(line)?.[1];
      if (port !== undefined) resolve(`http://127.0.0.1:${port}`);
    });
  });
}
