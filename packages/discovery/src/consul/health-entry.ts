import { isAddress, type Address } from '../address';
import { messageOf } from '../adapter/message-of';
import { SourceFailure } from '../adapter/source-failure';
import { createInstance, type Instance, type InstanceState } from '../instance';

/** One element of Consul's `GET /v1/health/service/:name`, as far as it is read here. Any program may have registered it. */
interface HealthEntry {
  readonly Node: { readonly Node: string; readonly Address?: unknown };
  readonly Service: {
    readonly ID: string;
    readonly Address?: unknown;
    readonly Port?: unknown;
    readonly Tags?: unknown;
    readonly Meta?: Readonly<Record<string, unknown>> | null;
    readonly Weights?: { readonly Passing?: unknown; readonly Warning?: unknown } | null;
  };
  readonly Checks?: readonly (HealthCheck | null)[] | null;
}

interface HealthCheck {
  readonly Status?: unknown;
  readonly Output?: unknown;
}

/** What a response says. */
export interface HealthEntries {
  readonly instances: readonly Instance[];
  /** Which entries are no instances, for people to read; absent if all are. */
  readonly skipped?: string;
}

/**
 * The instances in a response of `GET /v1/health/service/:name`. An id of Consul is unique on its node only, so that the
 * instance's is `node/id`. A service without an address listens at its node's; a warning keeps an instance ready with its
 * warning weight; any critical check, which maintenance mode is too, makes it not ready. An entry without a usable
 * address, or of another shape, is no instance and harms no other. Throws a `SourceFailure` for a response that has no
 * entry of this shape, and is not empty.
 */
export function parseHealthEntries(service: string, body: string): HealthEntries {
  const entries = parseList(body);
  const instances: Instance[] = [];
  const skipped: string[] = [];
  let broken = 0;
  for (const entry of entries) {
    if (!isHealthEntry(entry)) {
      broken += 1;
      skipped.push('one that is no entry of a service');
      continue;
    }
    const id = `${entry.Node.Node}/${entry.Service.ID}`;
    const address = addressOf(entry);
    if (isAddress(address)) instances.push(toInstance(service, id, address, entry));
    else skipped.push(`${id} at '${address.host}', port ${address.port}`);
  }
  if (broken > 0 && broken === entries.length) throw malformed('it holds no entry of a service');
  return { instances, ...(skipped.length === 0 ? {} : { skipped: describeSkipped(skipped) }) };
}

/** What a TTL check says beside its status, so that `draining`, which is critical to Consul, is read back as such. */
export function outputOf(state: InstanceState, note: string): string {
  if (state !== 'draining') return note;
  return note === '' ? draining : `${draining}: ${note}`;
}

const draining = 'draining';

function parseList(body: string): readonly unknown[] {
  try {
    const value: unknown = JSON.parse(body);
    if (Array.isArray(value)) return value;
  } catch (error: unknown) {
    throw malformed(messageOf(error), error);
  }
  throw malformed('it is no list');
}

function malformed(reason: string, cause?: unknown): SourceFailure {
  return new SourceFailure('malformed', `Consul's response cannot be read: ${reason}`, { cause });
}

function isHealthEntry(entry: unknown): entry is HealthEntry {
  const { Node, Service, Checks } = (entry ?? {}) as Partial<HealthEntry>;
  return isText(Node?.Node) && isText(Service?.ID) && (Checks == null || Array.isArray(Checks));
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

/** Which entries are left out: the first few of them by name. */
function describeSkipped(skipped: readonly string[]): string {
  const named = skipped.slice(0, 3).join('; ');
  const more = skipped.length > 3 ? `; and ${skipped.length - 3} more` : '';
  return `entries without a usable address are left out: ${named}${more}`;
}

function addressOf({ Node, Service }: HealthEntry): Address {
  const host = isText(Service.Address) ? Service.Address : Node.Address;
  return { host: isText(host) ? host : '', port: Number(Service.Port ?? 0) };
}

function toInstance(
  service: string,
  id: string,
  address: Address,
  { Service, Checks }: HealthEntry,
): Instance {
  const checks = (Checks ?? []).map((check) => check ?? {});
  const isWarning = checks.some(({ Status }) => Status === 'warning');
  const { zone, ...labels } = textsOf(Service.Meta);
  return createInstance({
    id,
    service,
    ...address,
    state: stateOf(checks),
    zone: isText(zone) ? zone : undefined,
    weight: weightOf(isWarning ? Service.Weights?.Warning : Service.Weights?.Passing),
    tags: Array.isArray(Service.Tags) ? Service.Tags.filter((tag) => typeof tag === 'string') : [],
    labels,
  });
}

function stateOf(checks: readonly HealthCheck[]): InstanceState {
  const failing = checks.filter(({ Status }) => Status !== 'passing' && Status !== 'warning');
  if (failing.length === 0) return 'ready';
  return failing.every(isDraining) ? 'draining' : 'not_ready';
}

function isDraining({ Status, Output }: HealthCheck): boolean {
  return (
    Status === 'critical' && (Output === draining || String(Output).startsWith(`${draining}: `))
  );
}

/** 0 is a little, since an instance always has a share; what is no weight is the weight of all. */
function weightOf(weight: unknown): number {
  if (typeof weight !== 'number' || weight < 0) return 1;
  return Math.max(weight, 0.01);
}

function textsOf(meta: HealthEntry['Service']['Meta']): Record<string, string> {
  const texts = Object.entries(meta ?? {}).filter(([, value]) => typeof value === 'string');
  return Object.fromEntries(texts) as Record<string, string>;
}
