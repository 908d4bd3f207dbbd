import type { Random } from '@movies/time';
import type { Balancer, Candidate } from './balancer';

/** What a host is owed: it grows by its weight with each turn, and falls by the weight of all when it is picked. */
export interface Credit {
  credit: number;
}

/**
 * One host after the other, in proportion to their weights and without runs (nginx's smooth weighted round robin).
 * Costs a walk over the hosts.
 */
export class RoundRobin implements Balancer<Credit> {
  state(): Credit {
    return { credit: 0 };
  }

  pick(hosts: readonly Candidate<Credit>[], random: Random): number {
    // Clients that start together do not all begin with the same host.
    const start = Math.floor(random() * hosts.length);
    let total = 0;
    let best = start;
    let most = -Infinity;
    for (let step = 0; step < hosts.length; step += 1) {
      const index = (start + step) % hosts.length;
      const host = hosts[index];
      if (host === undefined) continue;
      total += host.weight;
      host.state.credit += host.weight;
      if (host.state.credit > most) {
        most = host.state.credit;
        best = index;
      }
    }
    const picked = hosts[best];
    if (picked !== undefined) picked.state.credit -= total;
    return best;
  }
}
