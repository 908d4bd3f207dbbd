export { ManualClock } from './manual-clock';
export { until } from './until';
