import type { Random } from '@movies/time';
import { drawTwo, isBetter, type Balancer, type Candidate } from './balancer';

/** Comparisons that a host lost since its last attempt. */
export interface Losses {
  losses: number;
}

/**
 * Power of two choices on load alone: of two hosts drawn at random the one with fewer attempts under way for its weight
 * (Envoy's least request). For responses whose time says nothing of the host, such as long polls.
 */
export class LeastRequest implements Balancer<Losses> {
  state(): Losses {
    return { losses: 0 };
  }

  pick(hosts: readonly Candidate<Losses>[], random: Random): number {
    const [i, j] = drawTwo(hosts.length, random);
    const [a, b] = [hosts[i], hosts[j]];
    if (a === undefined || b === undefined || a === b) return i;
    const aWins = isBetter(a, this.score(a), b, this.score(b));
    (aWins ? b : a).state.losses += 1;
    return aWins ? i : j;
  }

  started({ state }: Candidate<Losses>): void {
    state.losses = 0;
  }

  score({ inFlight }: Candidate<Losses>): number {
    return inFlight + 1;
  }
}
