import type { Clock, LimitedSignal } from '@movies/time';
import { messageOf } from '../../adapter/message-of';
import type { KubeAccess, KubeCredentials } from '../access/kube-access';
import { KubeConnections } from './kube-connections';
import { KubeFailure } from './kube-failure';
import { parseRetryAfter, parseStatus, toFailure } from './kube-status';

export interface KubeApiOptions {
  /** The API server and the way to speak to it, as they are now; called for each request. */
  readonly findAccess: () => Promise<KubeAccess>;
  readonly clock: Clock;
}

/** An answer that has begun. */
interface Answer {
  readonly status: number;
  readonly retryAfter: string | undefined;
  readonly chunks: AsyncIterable<Buffer>;
  readonly credentials: KubeCredentials;
}

/** What a request is sent with. */
interface Permission {
  readonly access: KubeAccess;
  readonly credentials: KubeCredentials;
}

const credentialsMissing =
  'the credentials for the API server do not come: does an exec plug-in of the kubeconfig wait for something?';
const maxErrorBytes = 64 * 1024;

/** GET requests to the Kubernetes API server. */
export class KubeApi {
  readonly #options: KubeApiOptions;
  readonly #connections = new KubeConnections();
  readonly #closing = new AbortController();
  /** Under way for all that ask meanwhile: an exec plug-in that hangs is not started again and again. */
  #reading: Promise<Permission> | undefined;

  constructor(options: KubeApiOptions) {
    this.#options = options;
  }

  /**
   * The body of an answer with 200; the path may be made of the access's own namespace. Rejects with a
   * `KubeFailure`, which is `unreachable` as long as nobody has answered; so does the body, `lost` or
   * `silent`, when its connection breaks. A 401 is asked once more, with credentials that were asked for again.
   */
  async get(
    path: (own: Pick<KubeAccess, 'namespace'>) => string,
    limited: LimitedSignal,
  ): Promise<AsyncIterable<Buffer>> {
    let answer = await this.#send(path, limited);
    if (answer.status === 401) {
      await readText(answer.chunks);
      answer = await this.#send(path, limited, answer.credentials);
    }
    if (answer.status === 200) return answer.chunks;
    const status = parseStatus(parseJson(await readText(answer.chunks)));
    const retryAfterMs = parseRetryAfter(answer.retryAfter, this.#options.clock.now());
    throw toFailure(
      { ...status, code: answer.status, retryAfterMs: retryAfterMs ?? status.retryAfterMs },
      'http',
    );
  }

  /** Ends every connection, requests under way included. */
  close(): Promise<void> {
    this.#closing.abort();
    return this.#connections.close();
  }

  async #send(
    path: (own: Pick<KubeAccess, 'namespace'>) => string,
    limited: LimitedSignal,
    refused?: KubeCredentials,
  ): Promise<Answer> {
    let server: string | undefined;
    try {
      const { access, credentials } = await limited.race(this.#read(refused));
      server = `the API server ${access.server}`;
      const url = new URL(`${access.server}${path(access)}`);
      return await this.#request(url, access.proxy, credentials, limited);
    } catch (cause: unknown) {
      if (cause instanceof KubeFailure) throw cause;
      const silent = server === undefined ? credentialsMissing : `${server} does not answer`;
      throw new KubeFailure(
        'unreachable',
        limited.timedOut
          ? silent
          : `${server ?? 'the API server'} cannot be reached: ${messageOf(cause)}`,
        { reason: limited.timedOut ? 'timeout' : 'unreachable', cause },
      );
    }
  }

  /** What was begun before a 401 may give what was refused. */
  #read(refused: KubeCredentials | undefined): Promise<Permission> {
    if (refused !== undefined) return this.#findPermission(refused);
    if (this.#reading !== undefined) return this.#reading;
    const reading = this.#findPermission();
    const done = () => {
      if (this.#reading === reading) this.#reading = undefined;
    };
    reading.then(done, done);
    this.#reading = reading;
    return reading;
  }

  async #findPermission(refused?: KubeCredentials): Promise<Permission> {
    const access = await this.#options.findAccess();
    const { signal } = this.#closing;
    return { access, credentials: await access.credentials({ refused, signal }) };
  }

  async #request(
    { origin, pathname, search }: URL,
    proxy: string | undefined,
    credentials: KubeCredentials,
    limited: LimitedSignal,
  ): Promise<Answer> {
    const pool = this.#connections.poolFor(origin, credentials.tls, proxy);
    const distrustIfSilent = () => {
      if (limited.timedOut) this.#connections.distrust(pool);
    };
    try {
      const request = pool.request({
        origin,
        path: `${pathname}${search}`,
        method: 'GET',
        headers: {
          accept: 'application/json',
          'user-agent': 'movies-discovery',
          ...credentials.headers,
        },
        signal: limited.signal,
      });
      // undici looks at the signal only when there is a connection, or none can be made.
      const { statusCode, headers, body } = await limited.race(request);
      const retryAfter = headers['retry-after'];
      return {
        status: statusCode,
        retryAfter: Array.isArray(retryAfter) ? retryAfter[0] : retryAfter,
        chunks: readChunks(body, limited, distrustIfSilent),
        credentials,
      };
    } catch (error: unknown) {
      distrustIfSilent();
      throw error;
    }
  }
}

async function* readChunks(
  body: AsyncIterable<unknown>,
  limited: LimitedSignal,
  onFailure: () => void,
): AsyncGenerator<Buffer> {
  try {
    for await (const chunk of body) yield chunk as Buffer;
  } catch (cause: unknown) {
    onFailure();
    throw new KubeFailure(
      limited.timedOut ? 'silent' : 'lost',
      limited.timedOut
        ? 'the connection to the API server has fallen silent'
        : `the connection to the API server broke: ${messageOf(cause)}`,
      { reason: limited.timedOut ? 'silent' : 'lost', cause },
    );
  }
}

/** The text of an error; no more than is worth reading. */
async function readText(chunks: AsyncIterable<Buffer>): Promise<string> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of chunks) {
    parts.push(chunk);
    bytes += chunk.length;
    if (bytes > maxErrorBytes) break;
  }
  return Buffer.concat(parts).toString('utf8');
}

/** An error of a proxy in between is no JSON. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return { message: text.trim() };
  }
}
