import { LimitedSignal, type Clock } from '@movies/time';
import type { Dispatcher } from 'undici';
import { messageOf } from '../../adapter/message-of';
import { parseRetryAfter } from '../../adapter/retry-after';
import { SourceFailure } from '../../adapter/source-failure';
import { sentHeaders } from '../access/headers';
import type { KubeAccess, KubeCredentials } from '../access/kube-access';
import { KubeConnections } from './kube-connections';
import { parseStatus, toFailure } from './kube-status';

/** Of a client for one API server. */
export interface KubeApiOptions {
  /** The API server and the way to speak to it, as they are now; called for each request. */
  readonly findAccess: () => Promise<KubeAccess>;
  /** `movies-discovery` by default. */
  readonly userAgent?: string | undefined;
  /** For deadlines of credentials and of the bodies of errors. Connections have real time. */
  readonly clock: Clock;
}

/** A response that has begun. */
interface KubeResponse {
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
const permissionMs = 70_000;
/** How often a request is sent again over a new connection because the server sent GOAWAY. */
const maxResends = 3;
const maxErrorBytes = 64 * 1024;
/** The status of an error counts; its body only says more. */
const errorBodyMs = 2000;

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
   * The body of a response with 200; the path may be made of the access's own namespace. Rejects with a `SourceFailure`:
   * `unreachable` without credentials or a connection, `silent` at the deadline, `lost` if the connection breaks,
   * `expired` or `refused` as the server says. So does the body. After a 401 the request is sent once more, with
   * credentials that were asked for again. The deadline ends this request alone.
   */
  async get(
    path: (own: Pick<KubeAccess, 'server' | 'namespace'>) => string,
    limited: LimitedSignal,
  ): Promise<AsyncIterable<Buffer>> {
    let response = await this.#send(path, limited);
    if (response.status === 401) {
      await this.#readText(response.chunks);
      response = await this.#send(path, limited, response.credentials);
    }
    if (response.status === 200) return response.chunks;
    const status = parseStatus(parseJson(await this.#readText(response.chunks)));
    const retryAfterMs = parseRetryAfter(response.retryAfter, this.#options.clock.now());
    throw toFailure(
      { ...status, code: response.status, retryAfterMs: retryAfterMs ?? status.retryAfterMs },
      'http',
    );
  }

  /** The text of an error, as far as it comes soon; no more than is worth reading. */
  async #readText(chunks: AsyncIterable<Buffer>): Promise<string> {
    using limited = new LimitedSignal(this.#closing.signal, errorBodyMs, this.#options.clock);
    const parts: Buffer[] = [];
    let bytes = 0;
    const iterator = chunks[Symbol.asyncIterator]();
    try {
      while (bytes <= maxErrorBytes) {
        const read: IteratorResult<Buffer, unknown> = await limited.race(iterator.next());
        if (read.done === true) break;
        parts.push(read.value);
        bytes += read.value.length;
      }
    } catch {
      // It broke off or does not end: the status has been said.
    }
    void iterator.return?.().catch(() => undefined);
    return Buffer.concat(parts).toString('utf8');
  }

  /** Ends every connection, requests under way included. */
  close(): Promise<void> {
    this.#closing.abort();
    return this.#connections.close();
  }

  async #send(
    path: (own: Pick<KubeAccess, 'server' | 'namespace'>) => string,
    limited: LimitedSignal,
    refused?: KubeCredentials,
  ): Promise<KubeResponse> {
    let asked: KubeAccess | undefined;
    try {
      const permission = await limited.race(this.#read(refused));
      const { access } = permission;
      const url = new URL(`${access.server}${path(access)}`);
      asked = access;
      return await this.#request(url, permission, limited);
    } catch (cause: unknown) {
      throw this.#failureOf(cause, asked, limited.timedOut);
    }
  }

  /** `asked` is absent as long as there were no credentials to ask it with. */
  #failureOf(cause: unknown, asked: KubeAccess | undefined, timedOut: boolean): SourceFailure {
    if (cause instanceof SourceFailure) return cause;
    const name = asked === undefined ? 'the API server' : `the API server ${asked.server}`;
    if (timedOut) {
      return asked === undefined
        ? new SourceFailure('unreachable', credentialsMissing, { reason: 'timeout', cause })
        : new SourceFailure('silent', `${name} does not answer`, { reason: 'timeout', cause });
    }
    return asked === undefined || this.#connections.isConnectError(cause)
      ? new SourceFailure('unreachable', `${name} cannot be reached: ${messageOf(cause)}`, {
          cause,
        })
      : new SourceFailure('lost', `the connection to ${name} broke: ${messageOf(cause)}`, {
          cause,
        });
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
    // A plug-in has a minute of its own. What never settles is not to hold up every later request.
    using limited = new LimitedSignal(this.#closing.signal, permissionMs, this.#options.clock);
    const access = await limited.race(this.#options.findAccess());
    const { signal } = limited;
    return {
      access,
      credentials: await limited.race(access.credentials({ refused, signal })),
    };
  }

  async #request(
    url: URL,
    { access: { proxy }, credentials }: Permission,
    limited: LimitedSignal,
  ): Promise<KubeResponse> {
    for (let sent = 1; ; sent += 1) {
      const pool = this.#connections.poolFor(url.origin, credentials.tls, proxy);
      try {
        return await this.#requestOver(pool, url, credentials, limited);
      } catch (error: unknown) {
        const isSentAway = this.#connections.sentAway(pool)?.aborted === true;
        if (!isSentAway || limited.signal.aborted || sent > maxResends) throw error;
      }
    }
  }

  async #requestOver(
    pool: Dispatcher,
    { origin, pathname, search }: URL,
    credentials: KubeCredentials,
    limited: LimitedSignal,
  ): Promise<KubeResponse> {
    const connections = this.#connections;
    const sentAway = connections.sentAway(pool);
    const controller = new AbortController();
    const abort = () => {
      controller.abort();
    };
    limited.signal.addEventListener('abort', abort, { once: true });
    sentAway?.addEventListener('abort', abort, { once: true });
    let mark = connections.mark(pool);
    const onFailure = () => {
      if (limited.timedOut) connections.retireIfSilent(pool, mark);
    };
    try {
      const request = pool.request({
        origin,
        path: `${pathname}${search}`,
        method: 'GET',
        headers: {
          accept: 'application/json',
          'user-agent': this.#options.userAgent ?? 'movies-discovery',
          ...sentHeaders(credentials.headers),
        },
        signal: controller.signal,
      });
      // undici looks at the signal only when there is a connection, or none can be made.
      const { statusCode, headers, body } = await limited.race(request);
      mark = connections.mark(pool);
      const retryAfter = headers['retry-after'];
      return {
        status: statusCode,
        retryAfter: Array.isArray(retryAfter) ? retryAfter[0] : retryAfter,
        chunks: readChunks(body, limited, {
          onChunk: () => {
            mark = connections.mark(pool);
          },
          onFailure,
        }),
        credentials,
      };
    } catch (error: unknown) {
      onFailure();
      throw error;
    } finally {
      sentAway?.removeEventListener('abort', abort);
    }
  }
}

async function* readChunks(
  body: AsyncIterable<unknown>,
  limited: LimitedSignal,
  { onChunk, onFailure }: { readonly onChunk: () => void; readonly onFailure: () => void },
): AsyncGenerator<Buffer> {
  try {
    for await (const chunk of body) {
      onChunk();
      yield chunk as Buffer;
    }
  } catch (cause: unknown) {
    onFailure();
    throw limited.timedOut
      ? new SourceFailure('silent', 'the connection to the API server has fallen silent', { cause })
      : new SourceFailure('lost', `the connection to the API server broke: ${messageOf(cause)}`, {
          cause,
        });
  }
}

/** An error of a proxy in between is no JSON. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return { message: text.trim() };
  }
}
