// round_robin under outlier_detection, with retries; a resolver tells the set.
import {
  credentials,
  experimental,
  makeGenericClientConstructor,
  status as codes,
  type ServiceError,
} from '@grpc/grpc-js';
import { runClient, type Address } from '../client';
import { deadlineMs, type Method } from '../request';
import { nameOf, serviceDefinition, serviceName } from './grpc-service';

const retryPolicy = {
  maxAttempts: 3,
  initialBackoff: '0.025s',
  maxBackoff: '0.25s',
  backoffMultiplier: 2,
  retryableStatusCodes: ['UNAVAILABLE'],
};

// Durations of outlier_detection are objects. A text such as '1s' is taken without a word, and leaves pick_first on one
// instance. Quicker than its defaults, which do nothing below five instances.
const serviceConfig = {
  loadBalancingConfig: [
    {
      outlier_detection: {
        interval: { seconds: 1, nanos: 0 },
        base_ejection_time: { seconds: 5, nanos: 0 },
        max_ejection_percent: 50,
        success_rate_ejection: { minimum_hosts: 3 },
        failure_percentage_ejection: { threshold: 50, minimum_hosts: 2 },
        child_policy: [{ round_robin: {} }],
      },
    },
  ],
  methodConfig: [
    {
      name: [nameOf.GET, nameOf.PUT].map((method) => ({ service: serviceName, method })),
      retryPolicy,
    },
  ],
  retryThrottling: { maxTokens: 10, tokenRatio: 0.1 },
};

/** The set, and who is told of the next one. */
let known: readonly Address[] = [];
let tell: () => void = () => undefined;

class ToldResolver implements experimental.Resolver {
  #isTold = false;
  readonly #tell: () => void;

  constructor(_target: experimental.GrpcUri, listener: experimental.ResolverListener) {
    this.#tell = () => {
      const endpoints = known.map(({ port }) => ({ addresses: [{ host: '127.0.0.1', port }] }));
      listener(experimental.statusOrFromValue(endpoints), {}, null, '');
    };
    tell = this.#tell;
  }

  /** Told once: to tell each time that it is asked for makes the channel ask again, in a busy loop. */
  updateResolution(): void {
    if (this.#isTold) return;
    this.#isTold = true;
    process.nextTick(this.#tell);
  }

  destroy(): void {
    this.#isTold = false;
  }

  static getDefaultAuthority(): string {
    return 'items';
  }
}

type Call = (
  request: { id: number },
  options: { deadline: number },
  callback: (error: ServiceError | null) => void,
) => void;

runClient(({ addresses }) => {
  known = addresses;
  experimental.registerResolver('told', ToldResolver);
  const Items = makeGenericClientConstructor(serviceDefinition, 'Items');
  const client = new Items('told:items', credentials.createInsecure(), {
    'grpc.service_config': JSON.stringify(serviceConfig),
    'grpc.keepalive_time_ms': 1000,
    'grpc.keepalive_timeout_ms': 1000,
    'grpc.keepalive_permit_without_calls': 1,
  });
  const callOf = (method: Method) => (client[nameOf[method]] as Call).bind(client);
  return {
    call: ({ id, method }) =>
      new Promise((resolve) => {
        callOf(method)({ id }, { deadline: Date.now() + deadlineMs }, (error) => {
          resolve(error === null ? 'ok' : failureOf(error));
        });
      }),
    update: (set) => {
      known = set;
      tell();
    },
    close: async () => {
      client.close();
    },
  };
});

function failureOf({ code, details }: ServiceError): string {
  if (code === codes.DEADLINE_EXCEEDED) return 'timeout';
  if (details === '500' || details === '503') return details;
  if (details.includes('ECONNREFUSED')) return 'refused';
  if (code === codes.UNAVAILABLE || details.includes('RST_STREAM')) return 'reset';
  return `other: ${details}`;
}
