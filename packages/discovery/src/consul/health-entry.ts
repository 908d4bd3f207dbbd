import { DiscoveryError } from '../discovery-error';
import { createInstance, type Instance } from '../instance';

/** One element of Consul's `GET /v1/health/service/:name`, as far as it is read here. */
interface HealthEntry {
  readonly Node: { readonly Node: string; readonly Address: string };
  readonly Service: {
    readonly ID: string;
    readonly Service: string;
    readonly Address: string;
    readonly Port: number;
    readonly Tags: readonly string[] | null;
    readonly Meta: Readonly<Record<string, string>> | null;
    readonly Weights?: { readonly Passing: number; readonly Warning: number };
  };
  readonly Checks: readonly { readonly Status: string }[];
}

/**
 * The instances in an answer of `GET /v1/health/service/:name`. A service without an address listens
 * at its node's; a warning keeps an instance ready with its warning weight; any critical check, which
 * maintenance mode is too, makes it not ready. An entry without a usable port is no instance.
 */
export function parseHealthEntries(service: string, body: string): Instance[] {
  const entries: unknown = JSON.parse(body);
  if (!Array.isArray(entries)) {
    throw new DiscoveryError('registry_unavailable', `Consul's answer for '${service}' is no list`);
  }
  return (entries as HealthEntry[])
    .filter(({ Service: { Port } }) => Port > 0)
    .map((entry) => toInstance(service, entry));
}

function toInstance(service: string, { Node, Service, Checks }: HealthEntry): Instance {
  const statuses = Checks.map(({ Status }) => Status);
  const warning = statuses.includes('warning');
  const { zone, ...labels } = Service.Meta ?? {};
  const weight = (warning ? Service.Weights?.Warning : Service.Weights?.Passing) ?? 1;
  return createInstance({
    id: Service.ID,
    service,
    host: Service.Address === '' ? Node.Address : Service.Address,
    port: Service.Port,
    state: statuses.every((status) => status === 'passing' || status === 'warning')
      ? 'ready'
      : 'not_ready',
    ...(zone === undefined ? {} : { zone }),
    weight: Math.max(weight, 0.01),
    labels,
  });
}
