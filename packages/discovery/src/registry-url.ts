import { DiscoveryError } from './discovery-error';

/** The parts of `scheme://host:port?name=value`, all of them known. */
export interface RegistryUrl {
  readonly hostname: string;
  /** As written; '' if there is none. */
  readonly port: string;
  readonly host: string;
  /** The value of a parameter that stands once. */
  readonly parameter: (name: string) => string | undefined;
  /** All values of one that may be repeated. */
  readonly parameters: (name: string) => readonly string[];
}

export interface RegistryUrlForm {
  /** Shown when it is not kept to. */
  readonly expected: string;
  readonly needsHost: boolean;
  /** The parameters it takes. */
  readonly known: readonly string[];
  /** Those it may take several times. */
  readonly repeated?: readonly string[];
  /** Says of a parameter that is not known what to do about it. */
  readonly hint?: (parameter: string) => string | undefined;
  /** What to do instead of naming a user or password. */
  readonly credentials: string;
}

/** Reads a registry URL strictly: what is not understood is refused with `invalid_registry_url`. */
export function parseRegistryUrl(text: string, form: RegistryUrlForm): RegistryUrl {
  const { expected, needsHost, known, repeated = [], hint, credentials } = form;
  const url = URL.parse(text);
  if (url === null || (needsHost && url.hostname === ''))
    throw invalidRegistryUrl(text, `expected ${expected}`);
  if (url.username !== '' || url.password !== '') {
    throw invalidRegistryUrl(text, `it holds a user or password; ${credentials}`);
  }
  for (const part of [url.pathname.replace(/^\/$/, ''), url.hash]) {
    if (part !== '')
      throw invalidRegistryUrl(text, `'${part}' is no part of it; expected ${expected}`);
  }
  for (const name of url.searchParams.keys()) {
    if (!known.includes(name)) {
      const more = hint?.(name) ?? `known are ${known.join(', ')}`;
      throw invalidRegistryUrl(text, `the parameter '${name}' is not known here; ${more}`);
    }
    if (!repeated.includes(name) && url.searchParams.getAll(name).length > 1) {
      throw invalidRegistryUrl(text, `the parameter '${name}' is given twice`);
    }
  }
  return {
    hostname: url.hostname,
    port: url.port,
    host: url.host,
    parameter: (name) => url.searchParams.get(name) ?? undefined,
    parameters: (name) => url.searchParams.getAll(name),
  };
}

/** The parameters of every registry that is asked over the network. */
export const registryParameters: readonly string[] = ['max-stale', 'snapshot-cache'];

/** What `registryParameters` say. Throws `invalid_options`. */
export function readRegistryOptions(url: RegistryUrl): {
  readonly maxStaleMs: number | undefined;
  readonly snapshotCache: string | undefined;
} {
  const snapshotCache = url.parameter('snapshot-cache');
  if (snapshotCache === '') {
    throw new DiscoveryError(
      'invalid_options',
      "'snapshot-cache' is the path of a folder, and is empty",
    );
  }
  return { maxStaleMs: readDuration(url, 'max-stale'), snapshotCache };
}

const unitsMs: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** A parameter that is a time, as `500ms`, `55s`, `10m` or `1h`, in milliseconds. Throws `invalid_options`. */
export function readDuration({ parameter }: RegistryUrl, name: string): number | undefined {
  const text = parameter(name);
  if (text === undefined) return undefined;
  const { count, unit = '' } = /^(?<count>\d{1,9})(?<unit>ms|s|m|h)$/.exec(text)?.groups ?? {};
  const unitMs = unitsMs[unit];
  if (unitMs === undefined) {
    throw new DiscoveryError(
      'invalid_options',
      `'${name}' is a time, as 500ms, 55s, 10m or 1h, and not '${text}'`,
    );
  }
  return Number(count) * unitMs;
}

/** Runs `open`, and names the URL in the `DiscoveryError` it throws. */
export function namingUrl<T>(text: string, open: () => T): T {
  try {
    return open();
  } catch (error: unknown) {
    const isNamed = !(error instanceof DiscoveryError) || error.code === 'invalid_registry_url';
    throw isNamed ? error : invalidRegistryUrl(text, error.message, error);
  }
}

export function invalidRegistryUrl(text: string, reason: string, cause?: Error): DiscoveryError {
  return new DiscoveryError(
    'invalid_registry_url',
    `the registry URL '${withoutSecrets(text)}' cannot be used: ${reason}`,
    { cause },
  );
}

/** The message goes to a log, and a token that was put into the URL by mistake must not. */
function withoutSecrets(text: string): string {
  return text
    .replace(/\/\/[^/?#]*@/, '//***@')
    .replace(/([?&][^=&]*(?:token|secret)=)[^&#]*/gi, '$1***');
}
