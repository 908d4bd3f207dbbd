import type { Host } from '../host';

/**
 * A request that is under way at this host until the returned function is called. For hosts with `maxConnections: 0`:
 * it waits for a connection that never comes.
 */
export function holdRequest(host: Host): () => void {
  const exchange = {
    begin: () => undefined,
    cancel: () => {
      exchange.over();
    },
    over: () => undefined,
  };
  host.send(exchange, () => {
    throw new Error('a request that is held is never sent');
  });
  return () => {
    exchange.over();
  };
}
