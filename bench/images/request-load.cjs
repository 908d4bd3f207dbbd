// Sends REQUESTS to URL on 16 connections, within a container, with nothing but Node. Anything but 200 is an error.
const http = require('node:http');

const { URL: url, REQUESTS } = process.env;
const connections = 16;
const agent = new http.Agent({ keepAlive: true, maxSockets: connections });
let left = Number(REQUESTS);

function ask() {
  return new Promise((resolve, reject) => {
    const request = http.get(url, { agent, timeout: 10_000 }, (response) => {
      response.resume().once('end', () => {
        if (response.statusCode === 200) resolve();
        else reject(new Error(`${url} answered ${response.statusCode}`));
      });
    });
    request.once('timeout', () => request.destroy(new Error(`${url} does not answer`)));
    request.once('error', reject);
  });
}

async function client() {
  while (left-- > 0) await ask();
}

Promise.all(Array.from({ length: connections }, client)).then(() => agent.destroy());
