export { describeAttempt, type Attempt, type AttemptOutcome } from './attempt';
export { Deadline, retryAttemptHeader, timeoutHeader } from './deadline';
export { ServiceClient, type ServiceClientOptions, type ServiceRequest } from './service-client';
export { ServiceResponse } from './service-response';
export { UpstreamError, type UpstreamErrorCode } from './upstream-error';
