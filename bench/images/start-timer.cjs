// Starts what its arguments say, again and again, and prints how long each took to the first 200: ROUNDS, READY_URL.
// It runs within the image, with nothing but Node: the engine and its client are not in these times.
const { spawn } = require('node:child_process');
const { once } = require('node:events');
const http = require('node:http');
const { setTimeout } = require('node:timers');

const { ROUNDS, READY_URL } = process.env;
const limitMs = 20_000;

/** The status, or what kept it from coming. */
function ask() {
  return new Promise((resolve) => {
    const request = http.get(READY_URL, { agent: false }, (response) => {
      response.resume().once('end', () => resolve(response.statusCode));
    });
    request.once('error', (error) => resolve(error.code));
  });
}

async function startOnce() {
  const startedAt = performance.now();
  const child = spawn(process.execPath, process.argv.slice(1), {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const exited = once(child, 'exit');
  try {
    for (let status = await ask(); status !== 200; status = await ask()) {
      if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}`);
      if (performance.now() - startedAt > limitMs) throw new Error(`not ready: ${status}`);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    return performance.now() - startedAt;
  } finally {
    child.kill('SIGKILL');
    await exited;
  }
}

async function main() {
  const times = [];
  for (let round = 0; round < Number(ROUNDS); round += 1) times.push(await startOnce());
  console.log(JSON.stringify(times));
}

main();
