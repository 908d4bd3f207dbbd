/** The projects: `local` needs nothing but Node, `consul` a real Consul binary, `pack` the npm registry. */
const shared = {
  testEnvironment: 'node',
  transform: {
    '^.+\\.ts$': ['@swc/jest', { jsc: { target: 'es2023', parser: { syntax: 'typescript' } } }],
  },
};

/** @type {import('jest').Config} */
module.exports = {
  testTimeout: 30_000,
  projects: [
    {
      ...shared,
      displayName: 'local',
      roots: ['<rootDir>/packages', '<rootDir>/services', '<rootDir>/test/system'],
      testMatch: ['**/*.test.ts'],
    },
    {
      ...shared,
      displayName: 'consul',
      roots: ['<rootDir>/test/integration'],
      testMatch: ['**/consul*.test.ts'],
    },
    {
      ...shared,
      displayName: 'pack',
      roots: ['<rootDir>/test/pack'],
      testMatch: ['**/*.test.ts'],
    },
  ],
};
