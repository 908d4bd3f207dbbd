// The same fan-out in Koa with fixed addresses, and nothing else: no discovery, logs, metrics, deadlines, retries.
// node plain-koa.ts metadata|rating|movie PORT [METADATA_PORT RATING_PORT]
import Router from '@koa/router';
import Koa from 'koa';
import { films, mean } from './films';
import { jsonClient } from './upstreams';

const [service, port, metadataPort, ratingPort] = process.argv.slice(2);
const app = new Koa();
const router = new Router();

if (service === 'metadata') {
  router.get('/metadata', (ctx) => {
    const film = films.get(String(ctx.query['id']));
    if (film === undefined) ctx.throw(404);
    ctx.body = film;
  });
} else if (service === 'rating') {
  router.get('/rating', (ctx) => {
    ctx.type = 'application/json';
    ctx.body = JSON.stringify(mean);
  });
} else {
  const metadata = jsonClient(Number(metadataPort));
  const rating = jsonClient(Number(ratingPort));
  router.get('/movie', async (ctx) => {
    const id = encodeURIComponent(String(ctx.query['id']));
    const [film, value] = await Promise.all([
      metadata(`/metadata?id=${id}`),
      rating(`/rating?type=movie&id=${id}`),
    ]);
    if (film === undefined) ctx.throw(404);
    ctx.body = { rating: value ?? null, metadata: film };
  });
}

app.use(router.routes());
app.listen(Number(port), '127.0.0.1');
