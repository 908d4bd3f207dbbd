import type { ServiceDefinition, MethodDefinition } from '@grpc/grpc-js';
import type { Method } from '../request';

export interface GrpcRequest {
  readonly id: number;
}

export const serviceName = 'bench.Items';

/** The method of the service for each method of a request. */
export const nameOf: Readonly<Record<Method, string>> = { GET: 'Read', PUT: 'Put', POST: 'Post' };

const toBytes = (value: unknown) => Buffer.from(JSON.stringify(value));
const fromBytes = (bytes: Buffer): unknown => JSON.parse(bytes.toString());

function methodDefinition(name: string): MethodDefinition<GrpcRequest, unknown> {
  return {
    path: `/${serviceName}/${name}`,
    requestStream: false,
    responseStream: false,
    requestSerialize: toBytes,
    requestDeserialize: (bytes) => fromBytes(bytes) as GrpcRequest,
    responseSerialize: toBytes,
    responseDeserialize: fromBytes,
  };
}

/** Messages are JSON, so that no peer has less to parse than another one. */
export const serviceDefinition: ServiceDefinition = Object.fromEntries(
  Object.values(nameOf).map((name) => [name, methodDefinition(name)]),
);
