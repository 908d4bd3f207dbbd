import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { namespace, type Service } from './deployed';

const line = '{.metadata.name} {.status.conditions[?(@.type=="Ready")].status}{"\\n"}';

/** When each pod of a service was first seen to be ready, by `performance.now()`. */
export class ReadyTimes {
  readonly at = new Map<string, number>();

  readonly #stop: () => void;

  constructor(service: Service) {
    const child = spawn('kubectl', [
      ...[
        `--namespace=${namespace}`,
        'get',
        'pods',
        `--selector=app.kubernetes.io/name=${service}`,
      ],
      ...['--watch', `--output=jsonpath=${line}`],
    ]);
    createInterface({ input: child.stdout }).on('line', (event) => {
      const [pod = '', ready] = event.split(' ');
      if (ready === 'True' && !this.at.has(pod)) this.at.set(pod, performance.now());
    });
    this.#stop = () => child.kill();
  }

  [Symbol.dispose](): void {
    this.#stop();
  }
}
