import { formatAddress, isAddress, type Address } from '../address';
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
 * maintenance mode is too, makes it not ready. An entry without a usable address is no instance.
 * Consul's ids are unique on a node only: ids that stand for several addresses get the address added.
 */
export function parseHealthEntries(service: string, body: string): Instance[] {
  try {
    const entries = (JSON.parse(body) as HealthEntry[]).filter((entry) =>
      isAddress(addressOf(entry)),
    );
    return withOwnIds(entries.map((entry) => toInstance(service, entry)));
  } catch (error: unknown) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new DiscoveryError(
      'registry_unavailable',
      `Consul's answer for '${service}' cannot be read: ${reason}`,
      { cause: error },
    );
  }
}

function withOwnIds(instances: readonly Instance[]): Instance[] {
  const addresses = new Map<string, Set<string>>();
  for (const instance of instances) {
    const known = addresses.get(instance.id) ?? new Set();
    addresses.set(instance.id, known.add(formatAddress(instance)));
  }
  return instances.map((instance) => {
    const several = (addresses.get(instance.id)?.size ?? 0) > 1;
    if (!several) return instance;
    return createInstance({ ...instance, id: `${instance.id}@${formatAddress(instance)}` });
  });
}

function addressOf({ Node, Service }: Pick<HealthEntry, 'Node' | 'Service'>): Address {
  return { host: Service.Address === '' ? Node.Address : Service.Address, port: Service.Port };
}

function toInstance(service: string, { Node, Service, Checks }: HealthEntry): Instance {
  const statuses = Checks.map(({ Status }) => Status);
  const warning = statuses.includes('warning');
  const { zone, ...labels } = Service.Meta ?? {};
  const weight = (warning ? Service.Weights?.Warning : Service.Weights?.Passing) ?? 1;
  return createInstance({
    id: Service.ID,
    service,
    ...addressOf({ Node, Service }),
    state: statuses.every((status) => status === 'passing' || status === 'warning')
      ? 'ready'
      : 'not_ready',
    ...(zone === undefined ? {} : { zone }),
    weight: Math.max(weight, 0.01),
    labels,
  });
}
