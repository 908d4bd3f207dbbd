import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import {
  AUTHORITATIVE_ANSWER,
  decode,
  encode,
  streamEncode,
  TRUNCATED_RESPONSE,
  type DecodedPacket,
  type Packet,
  type SrvData,
} from 'dns-packet';
import type { Address } from '../address';

/** A record of the zone; the name without a dot at its end. */
export type DnsRecord = { readonly name: string; readonly ttl?: number } & (
  | { readonly type: 'A' | 'AAAA'; readonly data: string }
  | { readonly type: 'SRV'; readonly data: SrvData }
);

/** A question as the server received it. */
export interface DnsQuery {
  readonly type: string;
  readonly name: string;
  readonly over: 'udp' | 'tcp';
}

/** What the server does with a question other than it would by itself. `garbage`: a response that is no message. */
export type DnsReaction = 'SERVFAIL' | 'REFUSED' | 'silence' | 'garbage';

const rcodes = { NOERROR: 0, SERVFAIL: 2, NXDOMAIN: 3, REFUSED: 5 };

/** A DNS server for tests: one zone, on a real UDP and a real TCP socket of one port, and faults at will. */
export class FakeDns {
  /** Every question so far, in order. */
  readonly queries: DnsQuery[] = [];
  /**
   * Asked for each question; its answer changes what the server does. One that comes later holds back the response,
   * which is of the zone as it is then.
   */
  react: (query: DnsQuery) => DnsReaction | undefined | Promise<DnsReaction | undefined> = () =>
    undefined;
  /** The zone. A name without any record does not exist. */
  records: readonly DnsRecord[] = [];
  readonly address: Address;
  readonly #udp: UdpSocket;
  readonly #tcp: Server;
  readonly #connections = new Set<Socket>();
  #stopping: Promise<void> | undefined;

  private constructor(udp: UdpSocket, tcp: Server) {
    this.#udp = udp;
    this.#tcp = tcp;
    const { address, port } = udp.address();
    this.address = { host: address, port };
    udp.on('message', (message, { address, port }) => {
      const query = decode(message);
      void this.#respond(query, 'udp').then((response) => {
        if (response === undefined || this.#stopping !== undefined) return;
        if (response === 'garbage') {
          udp.send(message.subarray(0, 5), port, address);
          return;
        }
        const whole = encode(response);
        const fits = whole.length <= udpLimit(query);
        udp.send(fits ? whole : encode(truncated(response)), port, address);
      });
    });
    tcp.on('connection', (socket) => {
      this.#connections.add(socket);
      socket.once('close', () => this.#connections.delete(socket));
      // A client that ends all under way resets the connection.
      socket.on('error', () => socket.destroy());
      this.#serve(socket);
    });
  }

  static async start(port = 0): Promise<FakeDns> {
    const udp = createSocket('udp4').bind(port, '127.0.0.1');
    await once(udp, 'listening');
    const tcp = createServer().listen(udp.address().port, '127.0.0.1');
    try {
      await once(tcp, 'listening');
    } catch (error: unknown) {
      udp.close();
      // What is free for UDP need not be so for TCP.
      if (port === 0) return FakeDns.start();
      throw error;
    }
    return new FakeDns(udp, tcp);
  }

  /**
   * Holds back the responses to some questions until the function that is returned is called; they are then answered, or
   * get `reaction`.
   */
  hold(isHeld: (query: DnsQuery) => boolean, reaction?: DnsReaction): () => void {
    let release: () => void = () => undefined;
    const released = new Promise<DnsReaction | undefined>((resolve) => {
      release = () => {
        resolve(reaction);
      };
    });
    this.react = (query) => (isHeld(query) ? released : undefined);
    return release;
  }

  /** How many TCP connections are open. */
  get connections(): number {
    return this.#connections.size;
  }

  /** `TYPE name` of each question so far. */
  get asked(): string[] {
    return this.queries.map(({ type, name }) => `${type} ${name}`);
  }

  /** Twice is fine. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    const closed = [once(this.#udp, 'close'), once(this.#tcp, 'close')];
    this.#udp.close();
    this.#tcp.close();
    for (const socket of this.#connections) socket.destroy();
    await Promise.all(closed);
  }

  /** Each message over TCP has its length in two bytes before it. */
  #serve(socket: Socket): void {
    let received = Buffer.alloc(0);
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      while (received.length >= 2 && received.length >= 2 + received.readUInt16BE(0)) {
        const end = 2 + received.readUInt16BE(0);
        void this.#respond(decode(received.subarray(2, end)), 'tcp').then((response) => {
          if (response === undefined || socket.destroyed) return;
          socket.write(response === 'garbage' ? Buffer.alloc(4) : streamEncode(response));
        });
        received = received.subarray(end);
      }
    });
  }

  async #respond(
    packet: DecodedPacket,
    over: DnsQuery['over'],
  ): Promise<Packet | 'garbage' | undefined> {
    const [question] = packet.questions ?? [];
    if (question === undefined) return undefined;
    const query = { type: question.type, name: question.name, over };
    const reacting = this.react(query);
    this.queries.push(query);
    const reaction = await reacting;
    if (reaction === 'silence') return undefined;
    if (reaction === 'garbage') return 'garbage';
    const named = this.records.filter(({ name }) => name === query.name);
    const rcode = reaction ?? (named.length === 0 ? 'NXDOMAIN' : 'NOERROR');
    const answers = named.filter(({ type }) => type === query.type);
    return {
      type: 'response',
      id: packet.id ?? 0,
      flags: AUTHORITATIVE_ANSWER | rcodes[rcode],
      questions: [question],
      answers: reaction === undefined ? answers.map((record) => ({ ttl: 5, ...record })) : [],
    };
  }
}

/** 512 bytes, or what the client says it takes (EDNS). */
function udpLimit({ additionals = [] }: DecodedPacket): number {
  const option = additionals.find((record) => record.type === 'OPT');
  return Math.max(512, option?.type === 'OPT' ? option.udpPayloadSize : 0);
}

function truncated(response: Packet): Packet {
  return { ...response, flags: (response.flags ?? 0) | TRUNCATED_RESPONSE, answers: [] };
}
