import { databaseFromUrl } from '@movies/database/from-url';
import { startService, type RunningService, type ServiceDefinition } from '@movies/http-service';
import { testConfig } from '@movies/http-service/testing';
import type { Database } from '@movies/database';

/** Short, so that what hangs is soon given up. */
export const requestTimeoutMs = 1000;
/** What an answer at the last moment may be late by, on a busy machine. */
export const slackMs = 1000;

/** An answer, and how long it took. */
export interface TimedAnswer {
  readonly status: number;
  readonly retryAfter: string | null;
  readonly durationMs: number;
  readonly body: string;
}

/** Opens the database of a URL, for a service. */
export function openDatabase(
  url: string,
  service: string,
  timeoutMs: number = requestTimeoutMs,
): Database {
  const source = databaseFromUrl(url);
  if (source === undefined) throw new TypeError('memory: is no database');
  return source.open({ service, timeoutMs });
}

/** A service in this process, on a database. */
export class DatabaseUser {
  readonly service: RunningService;

  private constructor(service: RunningService) {
    this.service = service;
  }

  static async start(definition: ServiceDefinition): Promise<DatabaseUser> {
    return new DatabaseUser(await startService(definition, testConfig({ requestTimeoutMs })));
  }

  async ask(path: string, method = 'GET'): Promise<TimedAnswer> {
    const startedAt = performance.now();
    const response = await fetch(`http://127.0.0.1:${this.service.port}${path}`, { method });
    const body = await response.text();
    return {
      status: response.status,
      retryAfter: response.headers.get('retry-after'),
      durationMs: performance.now() - startedAt,
      body,
    };
  }

  /** Asks for these again and again, several at a time, until it is told to stop. */
  load(requests: readonly (readonly [path: string, method: string])[], clients = 8) {
    const answers: TimedAnswer[] = [];
    let isOver = false;
    const running = Array.from({ length: clients }, async () => {
      for (let turn = 0; !isOver; turn += 1) {
        const [path = '/', method] = requests[turn % requests.length] ?? [];
        answers.push(await this.ask(path, method));
      }
    });
    return {
      answers,
      stop: async () => {
        isOver = true;
        await Promise.all(running);
        return answers;
      },
    };
  }
}
