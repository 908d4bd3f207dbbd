import { experimental, type ChannelOptions } from '@grpc/grpc-js';
import {
  DiscoveryError,
  formatTarget,
  parseTarget,
  type Registry,
  type Target,
} from '@movies/discovery';
import { DiscoveryResolver } from './discovery-resolver';

type Uri = experimental.GrpcUri;

/** Schemes of grpc-js itself. Every other channel of the process depends on them. */
const ownSchemes = new Set(['dns', 'ipv4', 'ipv6', 'unix']);

export interface RegisterDiscoveryOptions {
  /** The part of a channel's target before the colon: letters, digits, `+`, `-` and `.`. `discovery` by default. */
  readonly scheme?: string;
}

/**
 * Makes `registry` the name resolver of `@grpc/grpc-js` for targets as `discovery:///rating` or
 * `discovery:///rating.shop:grpc`. It holds for channels that are created later, in the whole process; registering the
 * same scheme again replaces the registry for these. A channel with a target that cannot be read throws `invalid_target`
 * when it is created. Does not close the registry. Throws `invalid_options` for a scheme that cannot be used.
 */
export function registerDiscovery(
  registry: Registry,
  { scheme = 'discovery' }: RegisterDiscoveryOptions = {},
): void {
  if (!/^[A-Za-z0-9+.-]+$/.test(scheme) || ownSchemes.has(scheme)) {
    throw new DiscoveryError(
      'invalid_options',
      `'${scheme}' cannot be the scheme of discovery: expected letters, digits, +, - and ., ` +
        `and none of ${[...ownSchemes].join(', ')}`,
    );
  }
  experimental.registerResolver(
    scheme,
    class extends DiscoveryResolver {
      constructor(uri: Uri, listener: experimental.ResolverListener, options: ChannelOptions) {
        super(registry, formatTarget(targetOf(uri)), listener, options);
      }

      /** What servers and TLS see as the host: a port has only a name here, and stands in no certificate. */
      static getDefaultAuthority(uri: Uri): string {
        const { service, namespace } = targetOf(uri);
        return formatTarget({ service, ...(namespace === undefined ? {} : { namespace }) });
      }
    },
  );
}

function targetOf(uri: Uri): Target {
  // An authority, as in `discovery://authority/rating`, names the server that resolves. Here the registry does.
  if (uri.authority) throw invalid(uri);
  try {
    return parseTarget(uri.path);
  } catch (cause: unknown) {
    throw invalid(uri, cause);
  }
}

function invalid(uri: Uri, cause?: unknown): DiscoveryError {
  const given = experimental.uriToString(uri);
  const form = `${uri.scheme ?? ''}:///service`;
  return new DiscoveryError(
    'invalid_target',
    `'${given}' is not a target of a channel: expected ${form}, ${form}.namespace or ${form}.namespace:port`,
    { cause },
  );
}
