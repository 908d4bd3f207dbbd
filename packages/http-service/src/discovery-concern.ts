import { failureOf, type ServiceWatch } from '@movies/discovery';

/** What is wrong with a watched set, in words; `undefined` if nothing is. */
export function discoveryConcern({ service, view }: ServiceWatch): string | undefined {
  const failure = failureOf(view);
  if (failure !== undefined) return failure.message;
  if (view.state !== 'known') return undefined;
  if (view.isFromCache === true) {
    return `the instances of '${service}' are those of a former process: the registry has not answered yet`;
  }
  if (view.instances.length > 0) return view.note;
  return `there is no instance of '${service}': ${view.emptyBecause ?? 'none is registered'}`;
}
