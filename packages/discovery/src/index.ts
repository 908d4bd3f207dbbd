export { formatAddress, parseAddress, type Address } from './address';
export { DiscoveryError, type DiscoveryErrorCode } from './discovery-error';
export { createInstance, type Instance, type InstanceFields, type InstanceState } from './instance';
export type { Registrar, Registration } from './registrar';
export type { FirstSyncOptions, Registry, ServiceWatch } from './registry';
export type { Snapshot } from './snapshot';
