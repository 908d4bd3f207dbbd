import { ServiceProcess } from '../system/service-process';
import { until } from '../until';
import type { ConsulAgent } from './consul-agent';

export type ServiceName = 'metadata' | 'rating' | 'movie';

/** Starts one service as its own process, found through this Consul. */
export function startService(
  name: ServiceName,
  registryUrl: string,
  args: readonly string[] = ['--port', '0'],
): ServiceProcess {
  return new ServiceProcess({
    script: `services/${name}/src/main.ts`,
    args,
    env: { REGISTRY_URL: registryUrl, LOG_LEVEL: 'info' },
  });
}

/** A running system: the instances of each service, and where to ask for a movie. */
export interface ConsulSystem {
  readonly metadata: readonly ServiceProcess[];
  readonly rating: readonly ServiceProcess[];
  readonly movie: ServiceProcess;
  readonly movieUrl: string;
}

/** Starts `copies` of metadata and rating and one movie; resolves when movie sees them all ready. */
export async function startSystem(
  consul: Pick<ConsulAgent, 'url'>,
  copies: number,
): Promise<ConsulSystem> {
  const metadata = Array.from({ length: copies }, () => startService('metadata', consul.url));
  const rating = Array.from({ length: copies }, () => startService('rating', consul.url));
  const movie = startService('movie', consul.url);
  await Promise.all([...metadata, ...rating, movie].map((service) => service.ready()));
  const origin = `http://127.0.0.1:${await movie.port()}`;
  await until(async () => {
    const counts = await Promise.all([
      readyInstances(origin, 'metadata'),
      readyInstances(origin, 'rating'),
    ]);
    return counts.every((count) => count === copies);
  });
  return { metadata, rating, movie, movieUrl: `${origin}/movie?id=1` };
}

/** How many ready instances of a service movie knows, by its own metrics. */
export async function readyInstances(origin: string, service: ServiceName): Promise<number> {
  const text = await (await fetch(`${origin}/metrics`)).text();
  const pattern = new RegExp(
    `^discovery_instances\\{service="${service}",state="ready"\\} (\\d+)$`,
    'm',
  );
  return Number(pattern.exec(text)?.[1]);
}
