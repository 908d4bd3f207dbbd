import { freePort, ServerProcess, untilAnswered } from '../server-process';
import { logFile } from '../variant';

/** Seconds since the start, added up over all that were served. */
export interface TimeSpent {
  readonly requestSeconds: number;
  readonly querySeconds: number;
}

/** The rating service on some database, as a process. */
export class RatingProcess {
  readonly name: string;
  readonly url: string;
  readonly #server: ServerProcess;

  private constructor(name: string, url: string, server: ServerProcess) {
    this.name = name;
    this.url = url;
    this.#server = server;
  }

  static async start(name: string, database: string): Promise<RatingProcess> {
    const port = await freePort();
    const server = new ServerProcess({
      script: 'services/rating/src/main.ts',
      args: [
        ...['--port', String(port), '--host', '127.0.0.1'],
        ...['--registry', 'memory:', '--database', database],
      ],
      logFile,
    });
    const url = `http://127.0.0.1:${port}`;
    await untilAnswered(`${url}/readyz`);
    return new RatingProcess(name, url, server);
  }

  cpuSeconds(): number {
    return this.#server.cpuSeconds();
  }

  /** As its own metrics have it, of requests to `/rating`. */
  async timeSpent(): Promise<TimeSpent> {
    const text = await (await fetch(`${this.url}/metrics`)).text();
    const sum = (name: string, part: string) =>
      text
        .split('\n')
        .filter((line) => line.startsWith(`${name}_sum{`) && line.includes(part))
        .reduce((total, line) => total + Number(line.slice(line.lastIndexOf(' '))), 0);
    return {
      requestSeconds: sum('http_server_request_duration_seconds', 'route="/rating"'),
      querySeconds: sum('database_query_duration_seconds', 'query="rating-'),
    };
  }

  stop(): Promise<void> {
    return this.#server.stop();
  }
}
