import {
  Server,
  ServerCredentials,
  status as codes,
  type handleUnaryCall,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { promisify } from 'node:util';
import { runBackend } from '../backend';
import { body } from '../backends/body';
import type { Method } from '../request';
import { nameOf, serviceDefinition, type GrpcRequest } from './grpc-service';

const answer: unknown = JSON.parse(body.toString());
const codeOf: Readonly<Record<number, codes>> = { 500: codes.INTERNAL, 503: codes.UNAVAILABLE };

runBackend(({ port }, work) => {
  const server = new Server();
  const handle =
    (method: Method): handleUnaryCall<GrpcRequest, unknown> =>
    (call, callback) => {
      void work.do(call.request.id, method).then((status) => {
        const code = codeOf[status];
        if (code === undefined) callback(null, answer);
        else callback({ code, details: String(status) });
      });
    };
  const methods = Object.entries(nameOf) as [Method, string][];
  const implementation: UntypedServiceImplementation = Object.fromEntries(
    methods.map(([method, name]) => [name, handle(method)]),
  );
  server.addService(serviceDefinition, implementation);
  return {
    listen: async () => {
      const bind = promisify(server.bindAsync.bind(server));
      await bind(`127.0.0.1:${port}`, ServerCredentials.createInsecure());
    },
    // GOAWAY comes with the end.
    drain: () => undefined,
    close: () => promisify(server.tryShutdown.bind(server))(),
  };
});
