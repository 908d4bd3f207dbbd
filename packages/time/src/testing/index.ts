export { ManualClock } from './manual-clock';
export { scaledClock } from './scaled-clock';
export { until } from './until';
