import { getCACertificates } from 'node:tls';
import type { KubeTls } from './kube-access';

let authorities: string[] | undefined;

/**
 * Where no authority is named, those of the system beside those of Node: kubectl trusts the former, and a company's
 * own is often there. Nothing is set where the system has none that Node has not; they are read once, as Go does.
 */
export function withAuthorities(tls: KubeTls): KubeTls {
  if (tls.ca !== undefined || tls.rejectUnauthorized === false) return tls;
  authorities ??= [...new Set([...getCACertificates(), ...getCACertificates('system')])];
  return authorities.length === new Set(getCACertificates()).size
    ? tls
    : { ...tls, ca: authorities };
}
