export { ManualClock } from './manual-clock';
export { selfSigned } from './self-signed';
export { until } from './until';
