import type { SliceContent } from './read-slice';

const maxPortsNamed = 10;

/** Why no instance comes of these slices: for people to read. */
export function whyEmpty(service: string, port: string, slices: readonly SliceContent[]): string {
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
  const callable = filled.filter(({ isFqdn }) => !isFqdn);
  if (callable.length === 0) {
    return `Service '${service}' has only endpoints of the type FQDN, which are skipped`;
  }
  const withPort = callable.filter((slice) => slice.port !== undefined);
  if (withPort.length === 0) {
    const ports = callable.flatMap((slice) => slice.ports);
    const isUnnamed = ports.length > 0 && ports.every(({ name }) => !name);
    return (
      `no endpoint of Service '${service}' has ${nameOf(port)}; ${portsOf(callable)}: ` +
      (isUnnamed
        ? 'port= in the registry URL, which is empty, chooses the one without a name'
        : 'give the name of the right one in the target as :<name>, or for all Services in the registry URL as port=<name>')
    );
  }
  return withPort.every(({ endpoints, terminated }) => endpoints === terminated)
    ? `all endpoints of Service '${service}' that have ${nameOf(port)} terminate and do not serve`
    : `no endpoint of Service '${service}' has an address that can be called`;
}

function portsOf(slices: readonly SliceContent[]): string {
  const ports = slices.flatMap((slice) => slice.ports);
  const known = new Set(ports.map(({ name, port }) => `${nameOf(name)} (${port ?? 'any number'})`));
  const named = [...known].sort().slice(0, maxPortsNamed);
  if (named.length === 0) return 'they have no port at all';
  if (known.size > named.length) named.push('…');
  return `there are ${named.join(', ')}`;
}

function nameOf(port: string | null | undefined): string {
  return port ? `port '${port}'` : 'an unnamed port';
}
