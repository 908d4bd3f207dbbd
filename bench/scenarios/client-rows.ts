/** A client under test: a row of the report. */
export interface ClientRow {
  readonly title: string;
  /** Its script, and the one of its backends; relative to this folder, without `.ts`. */
  readonly client: string;
  readonly backend: string;
}

const http = 'backends/http';

/** In the order of measurement and report. */
export const clientRows: Readonly<Record<string, ClientRow>> = {
  ours: { title: '**ours**', client: 'clients/ours', backend: http },
  'virtual-address': {
    title: 'fetch, virtual address',
    client: 'clients/virtual-address',
    backend: http,
  },
  'balanced-pool': { title: 'undici BalancedPool', client: 'clients/balanced-pool', backend: http },
  grpc: { title: 'grpc-js', client: 'peers/grpc-client', backend: 'peers/grpc-backend' },
  moleculer: {
    title: 'moleculer',
    client: 'peers/moleculer-client',
    backend: 'peers/moleculer-backend',
  },
  cockatiel: {
    title: 'cockatiel, virtual address',
    client: 'peers/cockatiel-client',
    backend: http,
  },
};
