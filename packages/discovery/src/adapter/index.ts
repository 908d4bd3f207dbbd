export { checkOption } from './check-option';
export { parseRetryAfter } from './retry-after';
export { runSource, type Remarks, type Sink, type Source } from './source';
export { SourceFailure, type FailureKind, type SourceFailureDetails } from './source-failure';
export { FileValue, readCertificates, type TlsFileNames, type TlsFiles } from './tls-files';
export { WatchedRegistry, type AdapterOptions, type RegistryOptions } from './watched-registry';
