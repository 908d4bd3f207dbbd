import pino, { type Logger } from 'pino';
import pretty from 'pino-pretty';

export interface LoggerOptions {
  readonly level: string;
  /** Pretty on a terminal, else JSON, by default. */
  readonly format: 'json' | 'pretty' | undefined;
  /** Stands in every line. */
  readonly base: Readonly<Record<string, string>>;
}

/** One line a record on standard output, written before the call returns, so that a crash loses none. */
export function createLogger({ level, format, base }: LoggerOptions): Logger {
  const options: pino.LoggerOptions = {
    level,
    base,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
  };
  const isPretty = format === 'pretty' || (format === undefined && process.stdout.isTTY);
  if (!isPretty) return pino(options, pino.destination({ fd: 1, sync: true }));
  const stream = pretty({
    sync: true,
    singleLine: true,
    ignore: 'service,instance',
    messageFormat: '{instance} {msg}',
    translateTime: 'HH:MM:ss.l',
  });
  return pino(options, stream);
}
