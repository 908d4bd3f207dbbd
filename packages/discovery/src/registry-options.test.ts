import { inspect } from 'node:util';
import { ConsulRegistry, type ConsulRegistryOptions } from './consul/consul-registry';
import { DiscoveryError } from './discovery-error';
import { DnsRegistry, type DnsRegistryOptions } from './dns/dns-registry';
import { KubernetesRegistry } from './kubernetes/kubernetes-registry';
import { MemoryRegistry } from './memory/memory-registry';
import type { Registry } from './registry';
import { registryFromUrl } from './registry-from-url';
import { StaticRegistry } from './static/static-registry';

/** What plain JavaScript, or a configuration that is read wrongly, may give; a function makes it. */
const values: readonly unknown[] = [
  ...[NaN, Infinity, -1, 0, 0.5, 2 ** 31, 10n, true, null, Symbol('s')],
  ...['', ' ', 'abc', '7', '-', 'a\nb'],
  ...[[], [''], ['abc'], [null], {}, () => undefined],
];

const isTime = (value: unknown) => typeof value === 'number' && value >= 0;
const isPeriod = (value: unknown) => isTime(value) && value !== 0;
const isText = (value: unknown) => typeof value === 'string' && value.trim() !== '';
const isLabel = (value: unknown) => value === 'abc' || value === '7';
const isFunction = (value: unknown) => typeof value === 'function';
const never = () => false;

/** Which of the values each option takes; of every other one the registry cannot be made. */
const common = {
  maxStaleMs: isTime,
  snapshotCache: never,
  clock: never,
  random: isFunction,
};

interface Case {
  readonly open: (options: object) => Registry;
  readonly base: object;
  readonly takes: Readonly<Record<string, (value: unknown) => boolean>>;
}

const agents = [{ host: '127.0.0.1', port: 8500 }];
const name = '{service}.{namespace}.local';

const cases: Readonly<Record<string, Case>> = {
  ConsulRegistry: {
    open: (options) => new ConsulRegistry(options as ConsulRegistryOptions),
    base: { agents },
    takes: {
      ...common,
      agents: never,
      tls: (value) => typeof value === 'object' && JSON.stringify(value) === '{}',
      tokenFile: never,
      datacenter: isText,
      tags: (value) => Array.isArray(value) && value.every(isText),
      filter: isText,
      maxWaitMs: never,
    },
  },
  'tls of ConsulRegistry': {
    open: (tls) => new ConsulRegistry({ agents, tls }),
    base: {},
    takes: { caFile: never, certFile: never, keyFile: never, serverName: isText },
  },
  'DnsRegistry with SRV records': {
    open: (options) => new DnsRegistry(options as DnsRegistryOptions),
    base: { name, kind: 'srv', port: 'http' },
    takes: {
      ...common,
      name: never,
      kind: never,
      port: isLabel,
      namespace: isLabel,
      family: never,
      servers: never,
    },
  },
  'DnsRegistry with addresses': {
    open: (options) => new DnsRegistry(options as DnsRegistryOptions),
    base: { name, kind: 'a', port: 80 },
    takes: { port: never },
  },
  KubernetesRegistry: {
    open: (options) => new KubernetesRegistry(options),
    base: {},
    takes: {
      ...common,
      namespace: isLabel,
      port: (value) => isLabel(value) || value === '',
      api: never,
      context: isText,
      idleMs: isPeriod,
      userAgent: (value) => isText(value) && value !== 'a\nb',
      kubeConfig: never,
      access: never,
      findAccess: isFunction,
    },
  },
  MemoryRegistry: {
    open: (options) => new MemoryRegistry(options),
    base: {},
    takes: { ...common, staleAfterMs: isPeriod, heartbeatMs: isPeriod },
  },
  StaticRegistry: {
    open: (addresses) => new StaticRegistry(addresses as Record<string, never>),
    base: {},
    takes: { rating: (value) => Array.isArray(value) && value.length === 0 },
  },
};

const options = Object.entries(cases).flatMap(([registry, { open, base, takes }]) =>
  Object.entries(takes).map(([option, isTaken]) => ({ registry, option, open, base, isTaken })),
);

it.each(options)(
  '$registry refuses what the option $option cannot be, and takes the rest',
  async ({ option, open, base, isTaken }) => {
    for (const value of values) {
      // A path, which a folder would be made of.
      if (option === 'snapshotCache' && isText(value)) continue;
      const outcome = await opening(() => open({ ...base, [option]: value }));
      expect([option, inspect(value), outcome]).toEqual([
        option,
        inspect(value),
        isTaken(value) ? 'taken' : expect.any(DiscoveryError),
      ]);
      // A sentence for people: not what V8 says of the line that failed.
      if (outcome !== 'taken')
        expect(String(outcome)).not.toMatch(/cannot read prop|is not a func/i);
    }
  },
);

it.each(Object.entries(cases))('%s refuses options that are no object', async (_, { open }) => {
  for (const value of [null, 7, 'abc', []]) {
    expect(await opening(() => open(value as never))).toMatchObject({
      code: expect.stringMatching(/^invalid_/) as string,
    });
  }
});

it.each([undefined, null, 7, {}, '', ' ', 'abc', 'CONSUL://127.0.0.1', '//127.0.0.1'])(
  'the registry URL %j is refused',
  async (url) => {
    expect(await opening(() => registryFromUrl(url as never).registry)).toMatchObject({
      code: 'invalid_registry_url',
    });
  },
);

/** `taken`, or what was thrown. */
async function opening(open: () => Registry): Promise<unknown> {
  try {
    await open().close();
    return 'taken';
  } catch (error: unknown) {
    return error;
  }
}
