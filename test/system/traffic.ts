import { Agent } from 'undici';

/** What came of a stretch of traffic. */
export interface Tally {
  readonly sent: number;
  /** How often each outcome was seen: a status, `200 degraded`, or a network error's code. */
  readonly outcomes: Readonly<Record<string, number>>;
  readonly slowestMs: number;
}

export interface Traffic {
  /** Sends no more, waits for what is under way, and tells what came of it all. */
  stop(): Promise<Tally>;
}

/** Sends `GET url` at an even pace, each without waiting for the one before, as many clients would. */
export function startTraffic(url: string, perSecond: number): Traffic {
  const dispatcher = new Agent();
  const outcomes: Record<string, number> = {};
  const underWay = new Set<Promise<void>>();
  let sent = 0;
  let slowestMs = 0;
  const timer = setInterval(() => {
    const startedAt = performance.now();
    sent += 1;
    const exchange = ask(dispatcher, url).then((outcome) => {
      outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
      slowestMs = Math.max(slowestMs, performance.now() - startedAt);
      underWay.delete(exchange);
    });
    underWay.add(exchange);
  }, 1000 / perSecond);
  return {
    async stop() {
      clearInterval(timer);
      await Promise.all(underWay);
      await dispatcher.close();
      return { sent, outcomes, slowestMs };
    },
  };
}

async function ask(dispatcher: Agent, url: string): Promise<string> {
  const { origin, pathname, search } = new URL(url);
  try {
    const response = await dispatcher.request({ origin, path: pathname + search, method: 'GET' });
    const text = await response.body.text();
    const degraded = response.statusCode === 200 && text.includes('"degraded"');
    return degraded ? '200 degraded' : String(response.statusCode);
  } catch (error: unknown) {
    return (error as NodeJS.ErrnoException).code ?? String(error);
  }
}
