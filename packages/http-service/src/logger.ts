import pino, { type Logger } from 'pino';
import pretty from 'pino-pretty';

export interface LoggerOptions {
  readonly level: string;
  /** Pretty on a terminal, else JSON, by default. */
  readonly format: 'json' | 'pretty' | undefined;
  /** Stands in every line. */
  readonly base: Readonly<Record<string, string>>;
}

type Destination = ReturnType<typeof pino.destination>;

/** A write for each line would be a tenth of the processor time of a request. */
const bufferBytes = 4096;
const flushEveryMs = 100;
let standardOutput: Destination | undefined;

/**
 * A record a line on standard output. JSON lines are written together, at the latest after 100 ms and when
 * the process ends, so that only `kill -9` can lose the last of them. Services in one process share the buffer.
 */
export function createLogger({ level, format, base }: LoggerOptions): Logger {
  const options: pino.LoggerOptions = {
    level,
    base,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
  };
  const isPretty = format === 'pretty' || (format === undefined && process.stdout.isTTY);
  if (!isPretty) {
    standardOutput ??= bufferedOutput();
    return pino(options, standardOutput);
  }
  const stream = pretty({
    sync: true,
    singleLine: true,
    ignore: 'service,instance',
    messageFormat: '{instance} {msg}',
    translateTime: 'HH:MM:ss.l',
  });
  return pino(options, stream);
}

function bufferedOutput(): Destination {
  const destination = pino.destination({
    fd: 1,
    sync: true,
    minLength: bufferBytes,
    periodicFlush: flushEveryMs,
  });
  process.once('exit', () => {
    destination.flushSync();
  });
  return destination;
}
