import { Agent, request } from 'node:http';

/** A vote on the movie '1'. */
export interface Vote {
  readonly user: string;
  readonly value: number;
}

/** So many votes; every fourth user changes their mind with the vote after. */
export function makeVotes(count: number): Vote[] {
  return Array.from({ length: count }, (_, index) => ({
    user: String(index % 5 === 4 ? index - 1 : index),
    value: 1 + ((index * 7) % 5),
  }));
}

/** What each user's vote is once all are counted: `user|value`, sorted. */
export function finalVotes(votes: readonly Vote[]): string[] {
  const last = new Map(votes.map(({ user, value }) => [user, value]));
  return [...last].map(([user, value]) => `${user}|${value}`).sort();
}

/** The mean of these; every one is acknowledged. */
export function meanOf(votes: readonly Vote[]): number {
  const values = finalVotes(votes).map((line) => Number(line.split('|')[1]));
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/**
 * PUTs votes, those of a user one after the other, each until it is answered 204. Whatever happens to who answers:
 * once that is said, a vote is not sent again, so that one that is lost stays lost.
 */
export class VoteRun {
  readonly done: Promise<void>;
  acknowledged = 0;
  /** Answers other than 204 and 503. */
  readonly unexpected: number[] = [];
  readonly #agent = new Agent({ keepAlive: true });
  readonly #waiting: { readonly count: number; readonly wake: () => void }[] = [];

  constructor(port: () => number, votes: readonly Vote[], clients = 16) {
    const lists = Array.from({ length: clients }, (): Vote[] => []);
    for (const vote of votes) lists[Number(vote.user) % clients]?.push(vote);
    this.done = Promise.all(
      lists.map(async (list) => {
        for (const vote of list) {
          while ((await this.#put(port(), vote)) !== 204) {
            await new Promise((resolve) => setTimeout(resolve, 20));
          }
          this.acknowledged += 1;
          for (const { count, wake } of this.#waiting) if (this.acknowledged >= count) wake();
        }
      }),
    ).then(() => {
      this.#agent.destroy();
    });
  }

  /** Resolves once so many votes have been acknowledged. */
  reached(count: number): Promise<void> {
    return new Promise((wake) => {
      this.#waiting.push({ count, wake });
    });
  }

  /** The status; 0 if nobody answers. */
  #put(port: number, { user, value }: Vote): Promise<number> {
    return new Promise((resolve) => {
      const path = `/rating?id=1&type=movie&userId=${user}&value=${value}`;
      const sent = request({ port, path, method: 'PUT', agent: this.#agent }, (response) => {
        response.resume().on('end', () => {
          const status = response.statusCode ?? 0;
          if (status !== 204 && status !== 503) this.unexpected.push(status);
          resolve(status);
        });
        response.on('error', () => {
          resolve(0);
        });
      });
      sent.on('error', () => {
        resolve(0);
      });
      sent.end();
    });
  }
}
