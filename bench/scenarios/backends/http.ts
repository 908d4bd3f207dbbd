// node:http, 200 bytes of JSON.
import { once } from 'node:events';
import { createServer } from 'node:http';
import { runBackend } from '../backend';
import { body } from './body';
import type { Method } from '../request';

runBackend(({ port }, work) => {
  let isDraining = false;
  const server = createServer((request, response) => {
    request.resume();
    const id = Number(request.url?.slice('/items/'.length));
    void work.do(id, request.method as Method).then((status) => {
      response.writeHead(status, {
        'content-type': 'application/json',
        'content-length': body.length,
        ...(isDraining ? { connection: 'close' } : {}),
      });
      response.end(body);
    });
  });
  return {
    listen: async () => {
      server.listen(port, '127.0.0.1');
      await once(server, 'listening');
    },
    drain: () => {
      isDraining = true;
    },
    close: async () => {
      isDraining = true;
      const closed = once(server, 'close');
      // Closes idle connections, too.
      server.close();
      await closed;
    },
  };
});
