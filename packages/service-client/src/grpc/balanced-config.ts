import { experimental, type MethodConfig, type ServiceConfig } from '@grpc/grpc-js';

type LoadBalancing = ServiceConfig['loadBalancingConfig'][number];

/** A `MethodConfig` as the option has it. */
type GivenMethod = Omit<MethodConfig, 'timeout'> & { timeout?: experimental.Duration | string };

/** The channel option `grpc.service_config`, once grpc-js has checked it. */
interface GivenConfig extends Partial<Omit<ServiceConfig, 'methodConfig'>> {
  readonly methodConfig?: readonly GivenMethod[];
}

/**
 * The service config for a channel whose option names no load balancing: that of the option, and `round_robin`.
 * grpc-js by itself takes `pick_first`, which sends every call to one instance. `undefined` if the option names one.
 * Throws if grpc-js can use none that the option names: it takes `pick_first` then, and says nothing.
 */
export function balancedConfig(option: string | undefined): ServiceConfig | undefined {
  const given = option ? (JSON.parse(option) as GivenConfig) : {};
  const { loadBalancingConfig = [], methodConfig = [] } = given;
  if (loadBalancingConfig.length > 0) {
    checkLoadBalancing(loadBalancingConfig);
    return undefined;
  }
  return {
    ...given,
    loadBalancingConfig: [{ round_robin: {} }],
    methodConfig: methodConfig.map(withTimeout),
  };
}

function checkLoadBalancing(configs: LoadBalancing[]): void {
  if (experimental.selectLbConfigFromList(configs) !== null) return;
  const reasons = configs.map(whyNot).join('; ');
  throw new Error(`grpc.service_config: no loadBalancingConfig can be used: ${reasons}`);
}

function whyNot(config: LoadBalancing): string {
  try {
    experimental.parseLoadBalancingConfig(config);
    return '';
  } catch (error: unknown) {
    return (error as Error).message;
  }
}

function withTimeout({ timeout, ...method }: GivenMethod): MethodConfig {
  const parsed = typeof timeout === 'string' ? experimental.parseDuration(timeout) : timeout;
  return parsed ? { ...method, timeout: parsed } : method;
}
