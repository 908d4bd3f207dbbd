import { inPod, type Overlay, type Service } from './deployed';

/** From a service to an address, as in `['movie', 'rating:80']`. */
type Path = readonly [from: Service, to: string];

/** What the NetworkPolicies of every overlay allow. A name that resolves shows that DNS is allowed, too. */
const allowedEverywhere: readonly Path[] = [
  ['movie', 'metadata:80'],
  ['movie', 'rating:80'],
  ['metadata', 'postgres:5432'],
  ['rating', 'postgres:5432'],
];

const refusedEverywhere: readonly Path[] = [
  ['metadata', 'rating:80'],
  ['metadata', 'movie:80'],
  ['metadata', 'kubernetes.default:443'],
  ['rating', 'metadata:80'],
  ['rating', 'movie:80'],
  ['rating', 'kubernetes.default:443'],
  ['movie', 'postgres:5432'],
];

const movieToApiServer: Path = ['movie', 'kubernetes.default:443'];

/** What the policies of an overlay allow and refuse, between what the overlay deploys. */
export const policed: Readonly<
  Record<Overlay, { readonly allowed: readonly Path[]; readonly refused: readonly Path[] }>
> = {
  kubernetes: { allowed: [...allowedEverywhere, movieToApiServer], refused: refusedEverywhere },
  dns: { allowed: allowedEverywhere, refused: [...refusedEverywhere, movieToApiServer] },
  consul: {
    allowed: [
      ...allowedEverywhere,
      ['metadata', 'consul:8500'],
      ['rating', 'consul:8500'],
      ['movie', 'consul:8500'],
    ],
    refused: [...refusedEverywhere, movieToApiServer],
  },
};

/** Tries each path from a pod of the service; resolves with what came of it, as in `movie → rating:80: reached`. */
export function tryPaths(paths: readonly Path[]): Promise<string[]> {
  return Promise.all(
    paths.map(async ([from, to]) => `${from} → ${to}: ${await tryPath(from, to)}`),
  );
}

/** `reached`, `timeout`, or the code of the error. A policy drops what it refuses, so the attempt times out. */
function tryPath(from: Service, to: string): Promise<string> {
  const [host = '', port = ''] = to.split(':');
  return inPod(
    from,
    `require('node:net').connect({ host: '${host}', port: ${port}, timeout: 3000 }, () => end('reached'))
      .on('timeout', () => end('timeout')).on('error', ({ code }) => end(code));
    function end(how) { console.log(how); process.exit(); }`,
  );
}
