import type { Http2ServerResponse } from 'node:http2';
import type { Socket } from 'node:net';
import { statusOf } from './api-documents';

/** The response of either protocol, of which the types know one. */
export type ApiResponse = Omit<Http2ServerResponse, 'stream'> & {
  readonly stream?: Http2ServerResponse['stream'];
  flushHeaders(): void;
};

/** An error, as a Status unless there is a body. */
export function answerStatus(
  response: ApiResponse,
  code: number,
  message: string,
  {
    body,
    headers,
  }: { readonly body?: string; readonly headers?: Readonly<Record<string, string>> } = {},
): void {
  response.writeHead(code, { 'content-type': 'application/json', ...headers });
  response.end(body ?? JSON.stringify(statusOf(code, message)));
}

export function answerJson(response: ApiResponse, code: number, body: unknown): void {
  response.writeHead(code, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}

/** Breaks the connection of a response, for HTTP/2 with all its streams, as when a server dies: without GOAWAY. */
export function breakConnection(response: ApiResponse, connections: Iterable<Socket>): void {
  const { remotePort } = response.socket;
  for (const socket of [...connections]) if (socket.remotePort === remotePort) socket.destroy();
}
