// The same fan-out in node:http with fixed addresses: the least that a Node service can cost.
// node bare-http.ts metadata|rating|movie PORT [METADATA_PORT RATING_PORT]
import { createServer, type ServerResponse } from 'node:http';
import { films, mean } from './films';
import { jsonClient } from './upstreams';

const [service, port, metadataPort, ratingPort] = process.argv.slice(2);
// Unused, and without a port, in metadata and rating.
const metadata = jsonClient(Number(metadataPort ?? 0));
const rating = jsonClient(Number(ratingPort ?? 0));

async function answer(id: string): Promise<unknown> {
  if (service === 'metadata') return films.get(id);
  if (service === 'rating') return mean;
  const [film, value] = await Promise.all([
    metadata(`/metadata?id=${id}`),
    rating(`/rating?type=movie&id=${id}`),
  ]);
  return film === undefined ? undefined : { rating: value ?? null, metadata: film };
}

async function respond(url: string, response: ServerResponse): Promise<void> {
  const id = new URLSearchParams(url.slice(url.indexOf('?'))).get('id') ?? '';
  const body = await answer(id);
  const text = JSON.stringify(body ?? null);
  response.writeHead(body === undefined ? 404 : 200, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
  });
  response.end(text);
}

createServer((request, response) => {
  void respond(request.url ?? '', response);
}).listen(Number(port), '127.0.0.1');
