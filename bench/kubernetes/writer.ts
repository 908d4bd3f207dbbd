// Writes the slices of one Service and changes them: node writer.ts NAMESPACE
import { setTimeout as delay } from 'node:timers/promises';
import { answer } from './answer';
import { ApiServer, slicesPath } from './api-server';
import { changeOf, ChurningSlices, type SliceDocument } from './churning-slices';
import { stampsToSend } from './watch-gauge';

const [namespace = ''] = process.argv.slice(2);
const periodMs = 20;
const slices = new ChurningSlices({ slices: 50, endpointsPerSlice: 100, changesPerUpdate: 20 });
const stamps = new Map<string, bigint>();
/** The last write of each slice: one after the other, or an older one could come last. */
const writing = new Map<string, Promise<void>>();
let server: ApiServer | undefined;
let run: Promise<void> | undefined;
let isStopping = false;

async function connect(): Promise<ApiServer> {
  server ??= await ApiServer.connect({ allowH2: false });
  return server;
}

async function create(): Promise<void> {
  const to = await connect();
  for (const slice of slices.all) await to.send('POST', slicesPath(namespace), slice);
}

/** One update every 20 ms by the clock, whether the ones before are answered or not. */
async function churn(): Promise<void> {
  const to = await connect();
  const startedAt = performance.now();
  for (let updates = 0; !isStopping; updates += 1) {
    await delay(Math.max(0, startedAt + updates * periodMs - performance.now()));
    const slice = slices.next();
    const { name } = slice.metadata;
    const previous = writing.get(name);
    writing.set(name, write(to, slice, previous));
    await previous;
  }
  await Promise.all(writing.values());
}

async function write(
  to: ApiServer,
  slice: SliceDocument,
  previous: Promise<void> | undefined,
): Promise<void> {
  await previous;
  stamps.set(changeOf(slice), process.hrtime.bigint());
  await to.send('PUT', `${slicesPath(namespace)}/${slice.metadata.name}`, slice);
}

answer({
  create,
  start: () => {
    run = churn();
    // Whoever asks for the end hears of it.
    run.catch(() => undefined);
  },
  begin: () => {
    stamps.clear();
  },
  stamps: () => stampsToSend(stamps),
  stop: async () => {
    isStopping = true;
    await run;
  },
});
