const project = (displayName, roots, testMatch = '**/*.test.ts') => ({
  displayName,
  roots: roots.map((root) => `<rootDir>/${root}`),
  testMatch: [testMatch],
  testEnvironment: 'node',
  transform: {
    '^.+\\.ts$': ['@swc/jest', { jsc: { target: 'es2023', parser: { syntax: 'typescript' } } }],
  },
});

/** @type {import('jest').Config} */
module.exports = {
  testTimeout: 30_000,
  projects: [
    // Needs nothing but Node.
    project('local', ['packages', 'services', 'test/system']),
    // The npm registry.
    project('pack', ['test/pack']),
    // A real DNS server: dnsmasq.
    project('dns', ['test/integration'], '**/dns*.test.ts'),
    // A real Consul binary.
    project('consul', ['test/integration'], '**/consul*.test.ts'),
  ],
};
