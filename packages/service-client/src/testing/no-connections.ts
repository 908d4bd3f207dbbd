import net from 'node:net';

/**
 * In place of real connections, to `ports`: one that is never made, as to a host that is gone without a word, or one that
 * fails with `code` at once. Undone by `jest.restoreAllMocks`.
 */
export function breakConnections(ports: readonly number[], code?: string): { begun: number } {
  const connect = net.connect.bind(net) as (options: net.NetConnectOpts) => net.Socket;
  const count = { begun: 0 };
  const broken = (options: net.NetConnectOpts) => {
    // undici gives the port as a text.
    const port = 'port' in options ? String(options.port) : '';
    if (!ports.map(String).includes(port)) return connect(options);
    count.begun += 1;
    const socket = new net.Socket();
    if (code !== undefined) socket.destroy(Object.assign(new Error(`connect ${code}`), { code }));
    return socket;
  };
  jest.spyOn(net, 'connect').mockImplementation(broken as typeof net.connect);
  return count;
}
