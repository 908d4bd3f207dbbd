/** Changes the policies of the client, one place at a time, and tells which changes no test notices. */
export default {
  plugins: ['@stryker-mutator/jest-runner'],
  testRunner: 'jest',
  jest: { projectType: 'custom', configFile: 'hack/mutation/jest.config.cjs' },
  coverageAnalysis: 'perTest',
  mutate: ['packages/service-client/src/{balancer,health,retry}/!(*.test|*.contract).ts'],
  // Only what the tests need is copied.
  ignorePatterns: [
    '**',
    '!packages/{time,discovery,service-client}/**',
    '!hack/mutation/*',
    '!jest.config.js',
    '!tsconfig.json',
    '!package.json',
  ],
  tempDirName: '.cache/mutation',
  reporters: ['clear-text', 'progress-append-only'],
  clearTextReporter: { allowColor: false, logTests: false, reportTests: false },
  concurrency: 1,
  thresholds: { high: 95, low: 85, break: 85 },
};
