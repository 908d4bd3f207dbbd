export { formatAddress, parseAddress, type Address } from './address';
export { DiscoveryError, type DiscoveryErrorCode } from './discovery-error';
export {
  createInstance,
  type Instance,
  type InstanceFields,
  type InstanceHints,
  type InstanceState,
} from './instance';
export type { Registrar, Registration } from './registrar';
export type { Registry, ServiceWatch, WaitOptions } from './registry';
export { formatTarget, parseTarget, type Target } from './target';
export {
  failureOf,
  instancesOf,
  type Closed,
  type Snapshot,
  type Unknown,
  type View,
} from './view';
