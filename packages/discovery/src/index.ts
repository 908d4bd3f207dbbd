export { formatAddress, parseAddress, type Address } from './address';
export { DiscoveryError, type DiscoveryErrorCode } from './discovery-error';
export { createInstance, type Instance, type InstanceFields, type InstanceState } from './instance';
export type { Registrar, Registration } from './registrar';
export { failureOf, type Registry, type ServiceWatch, type WaitOptions } from './registry';
export { formatTarget, parseTarget, type Target } from './target';
export type { Closed, Snapshot, Unknown, View } from './view';
