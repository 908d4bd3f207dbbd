import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import type { Address } from '@movies/discovery';

/** Stands before a DNS server and passes datagrams, until it is cut. */
export class UdpProxy {
  readonly address: Address;
  readonly #target: Address;
  /** One a question, so that the answers find their way back. */
  readonly #onward = new Set<Socket>();
  #socket: Socket;

  private constructor(target: Address, socket: Socket) {
    this.#target = target;
    this.#socket = socket;
    this.address = { host: '127.0.0.1', port: socket.address().port };
    this.#serve();
  }

  static async before(target: Address): Promise<UdpProxy> {
    return new UdpProxy(target, await bind(0));
  }

  /** Refuses what is sent to it. Twice is fine. */
  async cut(): Promise<void> {
    const onward = [...this.#onward];
    this.#onward.clear();
    await Promise.all(onward.map(close));
    await close(this.#socket);
  }

  /** Passes datagrams again. */
  async mend(): Promise<void> {
    this.#socket = await bind(this.address.port);
    this.#serve();
  }

  #serve(): void {
    const near = this.#socket;
    near.on('message', (question, from) => {
      const far = createSocket('udp4');
      this.#onward.add(far);
      far.once('message', (answer) => {
        near.send(answer, from.port, from.address);
        this.#onward.delete(far);
        far.close();
      });
      far.send(question, this.#target.port, this.#target.host);
    });
  }
}

async function bind(port: number): Promise<Socket> {
  const socket = createSocket('udp4').bind(port, '127.0.0.1');
  await once(socket, 'listening');
  return socket;
}

async function close(socket: Socket): Promise<void> {
  const closed = once(socket, 'close');
  try {
    socket.close();
  } catch (error: unknown) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_SOCKET_DGRAM_NOT_RUNNING') throw error;
    return;
  }
  await closed;
}
