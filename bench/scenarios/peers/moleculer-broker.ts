import type { BrokerOptions } from 'moleculer';
import type { Method } from '../request';

/** The node of the client under test. */
export const clientNode = 'client';

/** The action of the service for each method of a request. */
export const actionOf: Readonly<Record<Method, string>> = { GET: 'read', PUT: 'put', POST: 'post' };

export interface Node {
  readonly id: string;
  readonly port: number;
}

/** Common to client and backends: TCP with gossip, quicker than its defaults. It finds instances by itself. */
export function brokerOptions(own: Node, others: readonly Node[]): BrokerOptions {
  return {
    nodeID: own.id,
    logger: false,
    transporter: {
      type: 'TCP',
      options: {
        port: own.port,
        udpDiscovery: false,
        useHostname: false,
        urls: others.map(({ id, port }) => `127.0.0.1:${port}/${id}`).join(),
        gossipPeriod: 1,
      },
    },
    heartbeatInterval: 1,
    heartbeatTimeout: 3,
  };
}
