export { Backoff, type BackoffOptions } from './backoff';
export { checkDuration, checkPeriod } from './check-duration';
export { systemClock, type Clock, type Random } from './clock';
export { delay } from './delay';
export { Heartbeat, type HeartbeatOptions } from './heartbeat';
export { LimitedSignal } from './limited-signal';
export { TokenBucket, type TokenBucketOptions } from './token-bucket';
