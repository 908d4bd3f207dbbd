// Sends a constant load and prints what came of it, a line of JSON a second, in totals since the start. Runs in a
// pod, with nothing but Node: `node load-generator.mjs`, settings by environment.
import { setInterval } from 'node:timers';
import http from 'node:http';

const { MOVIE_HOST, RATING_HOST, RATE = '300' } = process.env;
const intervalMs = 10;
const timeoutMs = 5000;
const films = 25;

/** Answers that came as they should, those without a rating for want of the service, and the others by reason. */
const totals = { sent: 0, ok: 0, degraded: 0, failed: {} };
const kept = new http.Agent({ keepAlive: true });

let due = 0;
let last = performance.now();
setInterval(() => {
  const now = performance.now();
  due += ((now - last) / 1000) * Number(RATE);
  last = now;
  for (; due >= 1; due -= 1) send(totals.sent++);
}, intervalMs);

setInterval(() => {
  console.log(JSON.stringify(totals));
}, 1000);

process.once('SIGTERM', () => process.exit(0));

/** One in ten is a vote; half go over kept connections, half over a new one each. */
function send(number) {
  const id = 1 + (number % films);
  const isVote = number % 10 === 0;
  const request = http.request({
    host: isVote ? RATING_HOST : MOVIE_HOST,
    port: 80,
    method: isVote ? 'PUT' : 'GET',
    path: isVote
      ? `/rating?id=${id}&type=movie&userId=user${number % 100}&value=${1 + (number % 5)}`
      : `/movie?id=${id}`,
    agent: Math.floor(number / 10) % 2 === 0 ? kept : false,
    timeout: timeoutMs,
  });
  let settled = false;
  const settle = (reason) => {
    if (settled) return;
    settled = true;
    if (reason === undefined) totals.ok += 1;
    else if (reason === 'degraded') totals.degraded += 1;
    else totals.failed[reason] = (totals.failed[reason] ?? 0) + 1;
  };
  request.once('timeout', () => {
    settle('timeout');
    request.destroy();
  });
  request.once('error', (error) => {
    settle(`${isVote ? 'rating' : 'movie'} ${error.code ?? error.message}`);
  });
  request.once('response', (response) => {
    let body = '';
    response.setEncoding('utf8');
    response.on('data', (chunk) => (body += chunk));
    response.once('error', (error) => {
      settle(`broken off ${error.code ?? error.message}`);
    });
    response.once('end', () => {
      if (response.statusCode >= 300) settle(`${isVote ? 'rating' : 'movie'} ${refusal(response)}`);
      else settle(body.includes('"degraded"') ? 'degraded' : undefined);
    });
  });
  request.end();
}

/** A 503 that does not say when to ask again is another one. */
function refusal({ statusCode, headers }) {
  const isUntold = statusCode === 503 && headers['retry-after'] === undefined;
  return isUntold ? '503 without Retry-After' : String(statusCode);
}
