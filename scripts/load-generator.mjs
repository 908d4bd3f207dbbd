// Sends a constant load and prints what came of it, a line a second. Runs in a pod, with nothing but Node, and takes its
// settings from the environment. With OUTPUT=totals a line is JSON, in totals since the start; with OUTPUT=seconds it is
// of that second alone: requests, failed, degraded, the 99th percentile in ms, and after that words for a reader.
import { setInterval, setTimeout } from 'node:timers';
import http from 'node:http';

const { MOVIE_HOST, RATING_HOST, TARGET_PORT = '80', RATE = '300' } = process.env;
const { OUTPUT = 'totals', DURATION } = process.env;
const intervalMs = 10;
const timeoutMs = 5000;
const films = 25;

/** A rating that movie does without so late was not refused. */
const lateMs = 1800;
/**
 * Answers that came as they should, those without a rating for want of the service or because it was waited for to the
 * deadline, and the others by reason.
 */
const totals = { sent: 0, ok: 0, degraded: 0, late: 0, failed: {} };
let second = newSecond();
// Only with a limit of its own does it obey the server's `Keep-Alive: timeout=`.
const kept = new http.Agent({ keepAlive: true, timeout: 30_000 });

let due = 0;
let last = performance.now();
setInterval(() => {
  const now = performance.now();
  due += ((now - last) / 1000) * Number(RATE);
  last = now;
  for (; due >= 1; due -= 1) send(totals.sent++);
}, intervalMs);

setInterval(() => {
  console.log(OUTPUT === 'totals' ? JSON.stringify(totals) : describe(second));
  second = newSecond();
}, 1000);

process.once('SIGTERM', () => process.exit(0));
if (DURATION !== undefined) setTimeout(() => process.exit(0), Number(DURATION) * 1000);

function newSecond() {
  return { failed: {}, degraded: 0, took: [], served: new Map() };
}

/** `served` has the instances of each service. Of the name of a pod the end is enough to tell it from the others. */
function describe({ failed, degraded, took, served }) {
  took.sort((a, b) => a - b);
  const p99 = took.length === 0 ? '-' : Math.ceil(took[Math.ceil(took.length * 0.99) - 1]);
  const lost = Object.values(failed).reduce((sum, each) => sum + each, 0);
  const instances = [...served]
    .sort()
    .map(([service, names]) =>
      [service, ...[...names].map((name) => name.split('-').at(-1)).sort()].join(' '),
    );
  const reasons = Object.entries(failed).map(([reason, count]) => `${reason}: ${count}`);
  const words = [instances.join(', '), ...reasons].filter((each) => each !== '');
  return [took.length, lost, degraded, p99, words.join('; ')].join(' ');
}

/** One in ten is a vote; half go over kept connections, half over a new one each. */
function send(number) {
  const id = 1 + (number % films);
  const isVote = number % 10 === 0;
  const service = isVote ? 'rating' : 'movie';
  const sentAt = performance.now();
  const request = http.request({
    host: isVote ? RATING_HOST : MOVIE_HOST,
    port: Number(TARGET_PORT),
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
    const took = performance.now() - sentAt;
    second.took.push(took);
    if (reason === undefined) totals.ok += 1;
    else if (reason === 'degraded') {
      totals[took < lateMs ? 'degraded' : 'late'] += 1;
      second.degraded += 1;
    } else {
      totals.failed[reason] = (totals.failed[reason] ?? 0) + 1;
      second.failed[reason] = (second.failed[reason] ?? 0) + 1;
    }
  };
  request.once('timeout', () => {
    settle('timeout');
    request.destroy();
  });
  request.once('error', (error) => {
    settle(`${service} ${error.code ?? error.message}`);
  });
  request.once('response', (response) => {
    let body = '';
    response.setEncoding('utf8');
    response.on('data', (chunk) => (body += chunk));
    response.once('error', (error) => {
      settle(`broken off ${error.code ?? error.message}`);
    });
    response.once('end', () => {
      noteInstances(service, response.headers);
      if (response.statusCode >= 300) settle(`${service} ${refusal(response)}`);
      else settle(body.includes('"degraded"') ? 'degraded' : undefined);
    });
  });
  request.end();
}

/** The instance that answered, and those that it asked: `metadata=NAME, rating=NAME`. */
function noteInstances(service, headers) {
  const upstreams = headers['x-upstreams']?.split(', ') ?? [];
  for (const pair of [`${service}=${headers['x-served-by']}`, ...upstreams]) {
    const [name, instance] = pair.split('=');
    if (!second.served.has(name)) second.served.set(name, new Set());
    second.served.get(name).add(instance);
  }
}

/** A 503 that does not say when to ask again is another one. */
function refusal({ statusCode, headers }) {
  const isUntold = statusCode === 503 && headers['retry-after'] === undefined;
  return isUntold ? '503 without Retry-After' : String(statusCode);
}
