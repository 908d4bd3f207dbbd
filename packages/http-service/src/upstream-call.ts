import { formatAddress, type Instance } from '@movies/discovery';
import { describeAttempt, type Attempt } from '@movies/service-client';
import { roundMs } from './round-ms';

/** A call to another service: which instance answered it, by its own word or else by its id, and every attempt. */
export interface UpstreamCall {
  readonly service: string;
  served: { readonly by: string; readonly instance: Instance } | undefined;
  attempts: readonly Attempt[];
}

/** `rating=<instance>, …` of the calls that were answered, as the value of a header; empty if none was. */
export function upstreamsHeader(calls: readonly UpstreamCall[]): string {
  const upstreams = calls.flatMap(({ service, served }) =>
    served === undefined ? [] : [`${service}=${served.by}`],
  );
  return headerText(upstreams.join(', '));
}

/** Which instance answered, where it is and how long it took; then the attempts that were not answered. */
export function describeCall({ service, served, attempts }: UpstreamCall) {
  // Not always the last one: another may have been asked beside it.
  const answered = attempts.findLast(({ instance }) => instance.id === served?.instance.id);
  const failed = attempts.filter(({ outcome }) => outcome !== 'ok');
  return {
    service,
    ...(served === undefined || answered === undefined
      ? {}
      : {
          instance: served.by,
          address: formatAddress(answered.instance),
          durationMs: roundMs(answered.durationMs),
        }),
    ...(failed.length === 0 ? {} : { failed: failed.map(describeAttempt) }),
  };
}

/** What is not ASCII as UTF-8 in percent-encoding: a registry's ids are any text, and headers are not. */
function headerText(text: string): string {
  return text.replace(/[^ -~]+/g, (rest) =>
    Buffer.from(rest).toString('hex').toUpperCase().replace(/../g, '%$&'),
  );
}
