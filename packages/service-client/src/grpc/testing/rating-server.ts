import { once } from 'node:events';
import type { ChildProcess } from 'node:child_process';
import { fork } from 'node:child_process';
import path from 'node:path';
import {
  credentials,
  makeGenericClientConstructor,
  Metadata,
  Server,
  ServerCredentials,
  type ChannelOptions,
  type Client,
  type sendUnaryData,
  type ServerUnaryCall,
} from '@grpc/grpc-js';
import { createInstance, type Instance, type InstanceState } from '@movies/discovery';

const serialize = (value: unknown) => Buffer.from(JSON.stringify(value));
const deserialize = (bytes: Buffer): unknown => JSON.parse(bytes.toString());

/** One method, in JSON: no code is generated. It answers with the authority of the call, and a mean. */
const service = {
  read: {
    path: '/shop.Rating/Read',
    requestStream: false,
    responseStream: false,
    requestSerialize: serialize,
    requestDeserialize: deserialize,
    responseSerialize: serialize,
    responseDeserialize: deserialize,
  },
};

type Read = ServerUnaryCall<unknown, unknown>;

export class RatingServer {
  readonly #server = new Server();
  readonly #id: string;
  /** Reads that were begun. */
  calls = 0;
  /** Answers wait for it. */
  held: Promise<void> = Promise.resolve();
  port = 0;

  constructor(id: string) {
    this.#id = id;
  }

  static async start(id: string): Promise<RatingServer> {
    const rating = new RatingServer(id);
    rating.#server.addService(service, {
      read: (call: Read, answer: sendUnaryData<unknown>) => {
        rating.calls += 1;
        void rating.held.then(() => {
          answer(null, { authority: call.getHost(), mean: 4.5 });
        });
      },
    });
    rating.port = await new Promise((resolve, reject) => {
      rating.#server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) => {
        if (error) reject(error);
        else resolve(port);
      });
    });
    return rating;
  }

  instance(state: InstanceState = 'ready'): Instance {
    return instanceAt(this.#id, this.port, state);
  }

  /** Resolves when the calls under way are answered and no connection is left. */
  async stop(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#server.tryShutdown(() => {
        resolve();
      });
    });
  }

  kill(): void {
    this.#server.forceShutdown();
  }
}

/** A server in a process of its own, to be killed. */
export class RatingProcess {
  readonly #child: ChildProcess;
  readonly #id: string;
  readonly #port: number;

  private constructor(child: ChildProcess, id: string, port: number) {
    this.#child = child;
    this.#id = id;
    this.#port = port;
  }

  static async start(id: string): Promise<RatingProcess> {
    const child = fork(path.join(__dirname, 'rating-server-main.ts'), [id], {
      execArgv: ['-r', 'ts-node/register'],
    });
    const [port] = (await once(child, 'message')) as [number];
    return new RatingProcess(child, id, port);
  }

  instance(): Instance {
    return instanceAt(this.#id, this.#port);
  }

  async kill(): Promise<void> {
    if (this.#child.signalCode !== null) return;
    const exited = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await exited;
  }
}

export function instanceAt(id: string, port: number, state: InstanceState = 'ready'): Instance {
  return createInstance({ id, service: 'rating', host: '127.0.0.1', port, state });
}

const RatingClient = makeGenericClientConstructor(service, 'Rating');

/** A client of one channel. */
export class Ratings {
  readonly #client: Client;

  constructor(target: string, options: ChannelOptions = {}) {
    this.#client = new RatingClient(target, credentials.createInsecure(), {
      // With a proxy in the environment grpc-js would not ask the resolver.
      'grpc.enable_http_proxy': 0,
      ...options,
    });
  }

  /** The authority of the call; rejects with its status. */
  read({ deadlineMs = 5000, waitForReady = false } = {}): Promise<string> {
    return new Promise((resolve, reject) => {
      const { path: method, requestSerialize, responseDeserialize } = service.read;
      this.#client.makeUnaryRequest(
        method,
        requestSerialize,
        responseDeserialize,
        {},
        new Metadata({ waitForReady }),
        { deadline: Date.now() + deadlineMs },
        (error, answer) => {
          if (error) reject(error);
          else resolve((answer as { authority: string }).authority);
        },
      );
    });
  }

  close(): void {
    this.#client.close();
  }
}
