import type { EndpointSlice } from '../../packages/discovery/src/kubernetes/endpoints/endpoint-slice';

/** What the endpoints of some slices come to as instances, by the shortest of code: to compare sets with. */
export function endpointLines(
  slices: readonly Pick<EndpointSlice, 'endpoints' | 'ports'>[],
): readonly string[] {
  return slices
    .flatMap(({ endpoints, ports }) =>
      (endpoints ?? []).map(({ addresses, conditions, targetRef }) => {
        const id = `${targetRef?.name ?? ''}.${targetRef?.uid?.slice(0, 8) ?? ''}`;
        const address = `${addresses?.[0] ?? ''}:${ports?.[0]?.port ?? 0}`;
        return `${id} ${address} ${conditions?.ready === true ? 'ready' : 'not_ready'}`;
      }),
    )
    .sort();
}
