import { instancesOf, formatAddress, type ServiceWatch } from '@movies/discovery';
import type { TestNamespace } from './test-namespace';
import { until, untilEqual } from '../until';

interface SliceList {
  readonly items: readonly {
    readonly endpoints?:
      | readonly {
          readonly addresses: readonly [string];
          readonly conditions: {
            readonly ready: boolean;
            readonly serving?: boolean;
            readonly terminating?: boolean;
          };
          readonly targetRef?: { readonly name: string; readonly uid: string };
        }[]
      | null;
    readonly ports?: readonly { readonly name?: string; readonly port: number }[] | null;
  }[];
}

/** The set of a Service as `kubectl get endpointslices` tells it: `id address=state`, ordered. */
export async function kubectlSet(
  namespace: TestNamespace,
  service: string,
  port = 'http',
): Promise<string[]> {
  const selector = `--selector=kubernetes.io/service-name=${service}`;
  const { items } = (await namespace.get('endpointslices', selector)) as SliceList;
  return items
    .flatMap(({ endpoints, ports }) => {
      const number = ports?.find(({ name = '' }) => name === port)?.port;
      if (number === undefined) return [];
      return (endpoints ?? []).flatMap(({ addresses: [host], conditions, targetRef }) => {
        const { ready, serving = ready, terminating = false } = conditions;
        // One that terminates and no longer serves is not there to be called, ever again.
        if (terminating && !serving) return [];
        const state = terminating ? 'draining' : ready ? 'ready' : 'not_ready';
        const address = formatAddress({ host, port: number });
        const id =
          targetRef === undefined ? address : `${targetRef.name}.${targetRef.uid.slice(0, 8)}`;
        return [`${id} ${address}=${state}`];
      });
    })
    .sort();
}

/** The set of a watch, in the same form. */
export function watchedSet(watch: ServiceWatch): string[] {
  return instancesOf(watch.view)
    .map((instance) => `${instance.id} ${formatAddress(instance)}=${instance.state}`)
    .sort();
}

/**
 * Resolves once kubectl tells `ready` ready pods and nothing else, with what it tells; then the watch has to
 * have the same within 2 s.
 */
export async function settled(
  namespace: TestNamespace,
  watch: ServiceWatch,
  ready: number,
  limitMs = 60_000,
): Promise<string[]> {
  let told: string[] = [];
  await until(async () => {
    told = await kubectlSet(namespace, watch.service);
    return told.length === ready && told.every((each) => each.endsWith('=ready'));
  }, limitMs);
  await untilEqual(() => watchedSet(watch), told, 2000);
  return told;
}
