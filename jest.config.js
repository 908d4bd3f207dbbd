/**
 * Published as ES modules only, or with `import()` in it. jest runs CommonJS without either, so these are compiled as ours
 * are.
 */
const modules = [
  '@electric-sql/pglite',
  '@kubernetes/client-node',
  'agent-base',
  'jose',
  'js-yaml',
  'oauth4webapi',
  'openid-client',
  'socks-proxy-agent',
  'stream-chain',
  'stream-json',
];

const project = (displayName, roots, testMatch = '**/*.test.ts') => ({
  displayName,
  roots: roots.map((root) => `<rootDir>/${root}`),
  testMatch: [testMatch],
  testEnvironment: 'node',
  transform: {
    '^.+\\.[cm]?[jt]s$': [
      '@swc/jest',
      { jsc: { target: 'es2023', parser: { syntax: 'typescript' } } },
    ],
  },
  transformIgnorePatterns: [`/node_modules/(?!(${modules.join('|')})/)`],
});

/** @type {import('jest').Config} */
module.exports = {
  testTimeout: 30_000,
  projects: [
    // Needs nothing but Node.
    project('local', ['packages', 'services', 'test/system', 'bench/scenarios']),
    // Docker.
    project('images', ['test/images']),
    // kubectl, for its kustomize; no cluster.
    {
      ...project('manifests', ['test/manifests']),
      globalSetup: './test/manifests/render-once.ts',
      globalTeardown: './test/manifests/remove-rendered.ts',
    },
    // kubectl and kube-score.
    project('manifest-lint', ['test/manifest-lint']),
    // The npm registry.
    project('pack', ['test/pack']),
    // A real PostgreSQL.
    project('postgres', ['test/integration'], '**/postgres*.test.ts'),
    // A real DNS server: dnsmasq.
    project('dns', ['test/integration'], '**/dns*.test.ts'),
    // kubectl, and a network of its own.
    project('kubernetes', ['test/integration'], '**/kubernetes*.test.ts'),
    // A real Consul binary.
    project('consul', ['test/integration'], '**/consul*.test.ts'),
    // kind, Docker and kubectl: the cluster is created.
    project('kind', ['test/kind']),
    // A Kubernetes cluster.
    project('cluster', ['test/cluster']),
    // The same, and Docker: the services are deployed on it.
    project('deployed', ['test/deployed']),
    project('rollout', ['test/rollout']),
  ],
};
