export type { SnapshotSink } from './snapshot-store';
export { WatchedRegistry, type Feed, type WatchedRegistryOptions } from './watched-registry';
