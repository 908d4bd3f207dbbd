export { testConfig } from './test-config';
