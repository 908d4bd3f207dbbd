import type { Writable } from 'node:stream';
import type { Clock } from '@movies/time';

const everyMs = 100;
const barLength = 30;

export interface ProgressBarOptions {
  /** A terminal, or nothing is drawn. */
  readonly output: Writable & { readonly isTTY?: boolean };
  readonly clock: Clock;
}

/** One line of a terminal that is drawn anew in place. Messages go above it. */
export class ProgressBar {
  readonly #options: ProgressBarOptions;
  #drawnAt = Number.NEGATIVE_INFINITY;
  #isDrawn = false;

  constructor(options: ProgressBarOptions) {
    this.#options = options;
  }

  /** `share` is from 0 to 1; `undefined` if the end is not known. At most ten times a second it is drawn. */
  show(share: number | undefined, text: string): void {
    const { output, clock } = this.#options;
    if (output.isTTY !== true || clock.now() - this.#drawnAt < everyMs) return;
    this.#drawnAt = clock.now();
    this.#isDrawn = true;
    output.write(`\r\x1b[K${share === undefined ? '' : `${drawn(share)} `}${text}`);
  }

  /** Writes a line where the bar was; the next `show` draws it below. */
  print(line: string): void {
    this.clear();
    this.#options.output.write(`${line}\n`);
  }

  clear(): void {
    if (this.#isDrawn) this.#options.output.write('\r\x1b[K');
    this.#isDrawn = false;
    this.#drawnAt = Number.NEGATIVE_INFINITY;
  }
}

function drawn(share: number): string {
  const done = Math.round(share * barLength);
  return `[${'='.repeat(done).padEnd(barLength)}] ${Math.floor(share * 100)} %`.padEnd(
    barLength + 8,
  );
}
