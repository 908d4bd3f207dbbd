import { checkAddress, type Address } from './address';
import { DiscoveryError } from './discovery-error';

/**
 * `ready`: send to it. `draining`: it finishes what it has, and takes more only when nothing is ready.
 * `not_ready`: it is known, but does not serve.
 */
export type InstanceState = 'ready' | 'draining' | 'not_ready';

/** Of two that say different things of one instance, the one with the higher rank counts. */
export const rankOfState: Readonly<Record<InstanceState, number>> = {
  ready: 2,
  draining: 1,
  not_ready: 0,
};

/** One running copy of a service, as the registry knows it. Frozen. */
export interface Instance extends Address {
  /** Unique in the service; a new process is a new instance, also on an old address. */
  readonly id: string;
  /** Name of the service, without namespace or port. */
  readonly service: string;
  /** `ready` by default. */
  readonly state: InstanceState;
  /** Where it runs. */
  readonly zone?: string;
  /** Which callers it is meant for; absent where the platform gives no hints. */
  readonly hints?: InstanceHints;
  /** Share of the traffic relative to its peers; above 0, 1 by default. */
  readonly weight: number;
  /** In the order of the registry; none by default. */
  readonly tags: readonly string[];
  /** What else the registry tells, by name: version, node, … */
  readonly labels: Readonly<Record<string, string>>;
}

/** Callers in these zones, or on these nodes, are meant to use the instance. */
export interface InstanceHints {
  /** Names of zones, as `zone` of an instance. */
  readonly zones?: readonly string[];
  /** Names of nodes. */
  readonly nodes?: readonly string[];
}

/** An instance before its defaults are filled in; `undefined` is the same as absent. */
export type InstanceFields = Pick<Instance, 'id' | 'service' | 'host' | 'port'> & {
  readonly [Name in keyof Instance]?: Instance[Name] | undefined;
};

/**
 * Fills in the defaults, checks every field and freezes. Throws `invalid_address`, or `invalid_instance` naming the
 * field.
 */
export function createInstance(fields: InstanceFields): Instance {
  checkAddress(fields);
  const {
    id,
    service,
    host,
    port,
    state = 'ready',
    weight = 1,
    zone,
    hints,
    tags,
    labels,
  } = fields;
  checkText('id', id);
  checkText('service', service);
  if (zone !== undefined) checkText('zone', zone);
  checkState(state);
  if (!Number.isFinite(weight) || weight <= 0) throw invalid('weight', weight, 'a number above 0');
  checkTexts('tags', tags);
  checkFields('hints', hints);
  checkFields('labels', labels);
  checkTexts('zones of the hints', hints?.zones);
  checkTexts('nodes of the hints', hints?.nodes);
  checkTexts('labels', labels === undefined ? labels : Object.values(labels));
  return Object.freeze({
    id,
    service,
    host,
    port,
    state,
    weight,
    ...(zone === undefined ? {} : { zone }),
    ...(hints === undefined ? {} : { hints: freezeHints(hints) }),
    tags: tags === undefined || tags.length === 0 ? none : Object.freeze([...tags]),
    labels: Object.freeze({ ...labels }),
  });
}

const none: readonly string[] = Object.freeze([]);

function freezeHints({ zones, nodes }: InstanceHints): InstanceHints {
  return Object.freeze({
    ...(zones === undefined ? {} : { zones: Object.freeze([...zones]) }),
    ...(nodes === undefined ? {} : { nodes: Object.freeze([...nodes]) }),
  });
}

/** Throws `invalid_instance` for what is no state. */
export function checkState(state: InstanceState): void {
  if ((typeof state as unknown) === 'string' && Object.hasOwn(rankOfState, state)) return;
  throw invalid('state', state, Object.keys(rankOfState).join(', '));
}

// Plain JavaScript knows no types, and what is no text would fail much later, or nowhere.
function checkText(field: string, value: unknown): void {
  if (typeof value !== 'string' || value === '') throw invalid(field, value, 'a text');
}

/** A list or a `Map` has other fields than it seems to have. */
function checkFields(field: string, value: unknown): void {
  const isObject = typeof value === 'object' && value !== null && !(Symbol.iterator in value);
  if (value !== undefined && !isObject) throw invalid(field, value, 'a plain object');
}

function checkTexts(field: string, values: unknown): void {
  if (values === undefined) return;
  const isList = Array.isArray(values) && values.every((value) => typeof value === 'string');
  if (!isList) throw invalid(field, values, 'texts');
}

function invalid(field: string, value: unknown, expected: string): DiscoveryError {
  const shown = typeof value === 'string' ? `'${value}'` : String(value);
  return new DiscoveryError(
    'invalid_instance',
    `the ${field} of an instance is ${shown}: expected ${expected}`,
  );
}

/** Whether two instances say the same in every field. */
export function sameInstance(a: Instance, b: Instance): boolean {
  return (
    a === b ||
    (a.id === b.id &&
      a.service === b.service &&
      a.host === b.host &&
      a.port === b.port &&
      a.state === b.state &&
      a.zone === b.zone &&
      a.weight === b.weight &&
      sameTexts(a.tags, b.tags) &&
      sameTexts(a.hints?.zones, b.hints?.zones) &&
      sameTexts(a.hints?.nodes, b.hints?.nodes) &&
      sameLabels(a.labels, b.labels))
  );
}

function sameTexts(a: readonly string[] | undefined, b: readonly string[] | undefined): boolean {
  return a === b || (a?.length === b?.length && a?.every((text, i) => text === b?.[i]) === true);
}

function sameLabels(a: Instance['labels'], b: Instance['labels']): boolean {
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => a[key] === b[key]);
}
