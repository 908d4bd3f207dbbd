import { isIPv6 } from 'node:net';
import { DiscoveryError, parseAddress } from '@movies/discovery';
import { registryFromUrl, type OpenedRegistry } from '@movies/discovery/from-url';
import * as z from 'zod';
import type { Setting, SettingValues } from './settings';

/** What is registered, as far as the user says; the rest is found out once the port is bound. */
export interface AdvertisedAddress {
  readonly host: string;
  readonly port?: number;
}

const wholeNumber = (min: number, max: number, expected: string) =>
  z
    .string({ error: expected })
    .regex(/^\d{1,15}$/, expected)
    .transform(Number)
    .refine((value) => value >= min && value <= max, expected);

/** A port to listen on; 0 lets the system pick a free one. */
export const portSchema = wholeNumber(
  0,
  65_535,
  'expected a port, 0 to 65535 (0 picks a free one)',
);

const milliseconds = (min: number) =>
  wholeNumber(min, 3_600_000, `expected whole milliseconds, ${min} to 3600000`);

const registrySchema = z.string().transform((text, context): OpenedRegistry => {
  try {
    return registryFromUrl(text);
  } catch (error: unknown) {
    if (!(error instanceof DiscoveryError)) throw error;
    context.addIssue({ code: 'custom', message: error.message });
    return z.NEVER;
  }
});

const bareHost = /^(?:\[(?<v6>[^\]]+)\]|(?<name>[^:[\]/?#@\s]+))$/;

const advertiseSchema = z
  .string()
  .optional()
  .transform((text, context): AdvertisedAddress | undefined => {
    if (text === undefined) return undefined;
    const authority = text.replace(/^http:\/\/(.+?)\/?$/, '$1');
    const { v6, name } = bareHost.exec(authority)?.groups ?? {};
    const host = v6 !== undefined && isIPv6(v6) ? v6 : name;
    if (host !== undefined) return { host };
    try {
      return parseAddress(authority);
    } catch (error: unknown) {
      if (!(error instanceof DiscoveryError)) throw error;
      context.addIssue({ code: 'custom', message: 'expected host:port or http://host:port' });
      return z.NEVER;
    }
  });

function setting<T>(value: Setting<T>): Setting<T> {
  return value;
}

/** The settings that do not differ between services, nor between one process a service and one for all. */
export function commonSettings(defaultRegistryUrl: string) {
  return {
    host: setting({
      flag: 'host',
      variable: 'HOST',
      help: 'address to listen on; all interfaces by default',
      schema: z.string().optional(),
    }),
    registry: setting({
      flag: 'registry',
      variable: 'REGISTRY_URL',
      default: defaultRegistryUrl,
      help: 'where services find each other: memory:, static:…, consul://host:port, kubernetes:, dns://domain',
      schema: registrySchema,
    }),
    zone: setting({
      variable: 'ZONE',
      help: 'failure zone: registered with the instance, and preferred by the clients',
      schema: z.string().optional(),
    }),
    logLevel: setting({
      variable: 'LOG_LEVEL',
      default: 'info',
      help: 'trace, debug, info, warn, error, fatal or silent',
      schema: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'], {
        error: 'expected trace, debug, info, warn, error, fatal or silent',
      }),
    }),
    logFormat: setting({
      variable: 'LOG_FORMAT',
      help: 'json or pretty; pretty on a terminal, else json by default',
      schema: z.enum(['json', 'pretty'], { error: 'expected json or pretty' }).optional(),
    }),
    requestTimeoutMs: setting({
      variable: 'REQUEST_TIMEOUT_MS',
      default: '2000',
      help: 'whole time for a request, in milliseconds; what is left is passed on to other services',
      schema: milliseconds(1),
    }),
    shutdownDelayMs: setting({
      variable: 'SHUTDOWN_DELAY_MS',
      help: 'how long to serve on after the signal; 5000 in a Kubernetes pod, else 0 by default',
      schema: milliseconds(0).optional(),
    }),
    shutdownTimeoutMs: setting({
      variable: 'SHUTDOWN_TIMEOUT_MS',
      default: '20000',
      help: 'how long requests in flight may take to finish then',
      schema: milliseconds(0),
    }),
  };
}

/** Everything one service alone can be told. */
export function serviceSettings(defaultPort: number) {
  return {
    port: setting({
      flag: 'port',
      variable: 'PORT',
      default: String(defaultPort),
      help: 'port to listen on; 0 picks a free one',
      schema: portSchema,
    }),
    advertise: setting({
      flag: 'advertise',
      variable: 'ADVERTISE_URL',
      help: 'host:port that is registered; found out by default',
      schema: advertiseSchema,
    }),
    ...commonSettings('consul://127.0.0.1:8500'),
  };
}

/** One service's configuration, parsed. */
export type ServiceConfig = SettingValues<ReturnType<typeof serviceSettings>>;
