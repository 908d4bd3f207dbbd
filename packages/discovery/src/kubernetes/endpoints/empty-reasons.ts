import type { SliceContent } from './slice-content';

const maxPortsNamed = 10;

/** Why no instance comes of these slices. */
export function explainEmpty(
  service: string,
  port: string,
  slices: readonly SliceContent[],
): string {
  if (slices.length === 0) {
    return (
      `no EndpointSlice of Service '${service}' exists: there is no such Service here, or it has no ` +
      'selector, or it is of type ExternalName'
    );
  }
  const filled = slices.filter(({ endpoints }) => endpoints > 0);
  if (filled.length === 0) {
    return `Service '${service}' has no endpoints: no pod matches its selector, or none has an address yet`;
  }
  if (filled.every(({ isFqdn }) => isFqdn)) {
    return `Service '${service}' has only endpoints of the type FQDN, which are skipped`;
  }
  const missing = explainMissingPort(service, port, slices);
  if (missing !== undefined) return missing;
  const withPort = filled.filter((slice) => !slice.isFqdn && slice.port !== undefined);
  return withPort.every(({ endpoints, terminated }) => endpoints === terminated)
    ? `all endpoints of Service '${service}' that have ${nameOf(port)} terminate and do not serve`
    : `no endpoint of Service '${service}' has an address that can be called`;
}

/** `undefined` if there are no endpoints, or some have the port. */
export function explainMissingPort(
  service: string,
  port: string,
  slices: readonly SliceContent[],
): string | undefined {
  const filled = slices.filter(({ endpoints, isFqdn }) => endpoints > 0 && !isFqdn);
  if (filled.length === 0 || filled.some((slice) => slice.port !== undefined)) return undefined;
  const ports = filled.flatMap((slice) => slice.ports);
  const known = new Set(ports.map((each) => `${nameOf(each.name)} (${each.port ?? 'any number'})`));
  const named = [...known].sort().slice(0, maxPortsNamed);
  if (known.size > named.length) named.push('…');
  return (
    `no endpoint of Service '${service}' has ${nameOf(port)}; ` +
    (named.length === 0 ? 'they have no port at all' : `there are ${named.join(', ')}`) +
    `: give the name of the right one in the registry URL as port=<name>`
  );
}

function nameOf(port: string | null | undefined): string {
  return port ? `port '${port}'` : 'an unnamed port';
}
