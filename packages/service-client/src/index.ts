export { describeAttempt, type Attempt, type AttemptOutcome } from './attempt';
export type { AttemptEnd, Balancer, Candidate } from './balancer/balancer';
export { LeastRequest, type Losses } from './balancer/least-request';
export { PeakEwma, type HostLatency, type PeakEwmaOptions } from './balancer/peak-ewma';
export { RoundRobin, type Credit } from './balancer/round-robin';
export type { ClientExplanation, HostExplanation } from './explain';
export {
  classifyByStatus,
  type ResponseClass,
  type ResponseClassifier,
  type ResponseHead,
  type ResponseHeaders,
} from './classify';
export { eventChannelName, type ClientEvent } from './client-events';
export type { ClientOptions } from './client-options';
export { Deadline, retryAttemptHeader, timeoutHeader } from './deadline';
export type { EjectionOptions } from './health/outlier-detection';
export { attemptsOf } from './mesh/attempts-of';
export { Mesh, type MeshOptions, type MeshServiceOptions } from './mesh/mesh';
export type { RetryBudgetOptions } from './retry/budget';
export type { RetryThrottleOptions } from './retry/throttle';
export type { Patience } from './retry/patience';
export { ServiceClient, type ServiceClientOptions, type ServiceRequest } from './service-client';
export { ServiceResponse } from './service-response';
export type { ClientTls } from './tls-credentials';
export { UpstreamError, type UpstreamErrorCode, type UpstreamErrorOptions } from './upstream-error';
