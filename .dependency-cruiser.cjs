const packagesThat = (...names) => `^packages/(${names.join('|')})/`;

/** Imports point one way; docs/architecture.md draws which. */
/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    { name: 'resolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
    {
      name: 'packages-do-not-know-services',
      severity: 'error',
      from: { path: '^packages/' },
      to: { path: '^(services|test|bench|hack)/|^start\\.ts$' },
    },
    {
      name: 'services-do-not-know-each-other',
      severity: 'error',
      from: { path: '^services/([^/]+)/' },
      to: { path: '^services/', pathNot: '^services/$1/' },
    },
    {
      name: 'time-stands-alone',
      severity: 'error',
      from: { path: packagesThat('time') },
      to: { path: '^packages/', pathNot: packagesThat('time') },
    },
    {
      name: 'discovery-stands-on-time-alone',
      severity: 'error',
      from: { path: packagesThat('discovery') },
      to: { path: '^packages/', pathNot: packagesThat('discovery', 'time') },
    },
    {
      name: 'discovery-core-imports-only-node',
      comment:
        'The files beside the adapters hold the ports; the folder adapter, what the adapters share.',
      severity: 'error',
      from: {
        path: '^packages/discovery/src/(adapter/)?[^/]+\\.ts$',
        pathNot: '\\.(test|contract)\\.ts$',
      },
      to: {
        dependencyTypesNot: ['local', 'core', 'type-only'],
        pathNot: packagesThat('discovery', 'time'),
      },
    },
    {
      name: 'discovery-core-does-not-know-adapters',
      severity: 'error',
      from: {
        path: '^packages/discovery/src/[^/]+\\.ts$',
        pathNot: '/registry-from-url\\.ts$|\\.(test|contract)\\.ts$',
      },
      to: { path: '^packages/discovery/src/[^/]+/' },
    },
    {
      name: 'adapters-do-not-know-each-other',
      severity: 'error',
      from: { path: '^packages/discovery/src/([^/]+)/' },
      to: {
        path: '^packages/discovery/src/[^/]+/',
        pathNot: '^packages/discovery/src/($1|adapter|testing)/',
      },
    },
    {
      name: 'api-stands-alone',
      severity: 'error',
      from: { path: packagesThat('api') },
      to: { path: '^packages/', pathNot: packagesThat('api') },
    },
    {
      name: 'client-does-not-know-the-server-shell',
      severity: 'error',
      from: { path: packagesThat('service-client') },
      to: { path: packagesThat('http-service', 'api') },
    },
    {
      name: 'shell-does-not-know-the-domain',
      severity: 'error',
      from: { path: packagesThat('http-service') },
      to: { path: packagesThat('api') },
    },
    {
      name: 'one-file-loads-client-node',
      severity: 'error',
      // The benchmarks measure its informer, as a peer; a test hands its KubeConfig over.
      from: {
        pathNot:
          '^packages/discovery/src/kubernetes/access/kube-config-object\\.test\\.ts$|^bench/kubernetes/watch-informer\\.ts$',
      },
      to: { path: 'node_modules/@kubernetes/client-node', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'one-folder-loads-grpc-js',
      comment:
        'It is an optional peer of service-client, whose other entry points work without it.',
      severity: 'error',
      from: { pathNot: '^packages/service-client/src/grpc/' },
      to: { path: 'node_modules/@grpc/' },
    },
    {
      name: 'client-does-not-know-grpc',
      severity: 'error',
      from: { path: packagesThat('service-client'), pathNot: '/src/grpc/' },
      to: { path: '^packages/service-client/src/grpc/' },
    },
    {
      name: 'database-stands-alone',
      severity: 'error',
      from: { path: packagesThat('database') },
      to: { path: '^packages/', pathNot: packagesThat('database') },
    },
    {
      name: 'database-core-does-not-know-adapters',
      comment: 'What the shell imports loads no driver.',
      severity: 'error',
      from: {
        path: '^packages/database/src/[^/]+\\.ts$',
        pathNot: '/database-from-url\\.ts$|\\.test\\.ts$',
      },
      to: { path: '^packages/database/src/(postgres|pglite)/' },
    },
    {
      name: 'shell-opens-no-database',
      severity: 'error',
      from: { path: packagesThat('http-service') },
      to: { path: '^packages/database/src/(database-from-url|database-setting)\\.ts$' },
    },
    {
      name: 'adapters-load-their-drivers',
      severity: 'error',
      from: { pathNot: '^packages/database/src/(postgres|pglite)/' },
      to: { path: 'node_modules/(pg|pg-pool|@electric-sql/pglite)/' },
    },
    {
      name: 'no-test-code-in-the-product',
      severity: 'error',
      from: { path: '^(packages|services)/', pathNot: '\\.(test|contract)\\.ts$|/testing/' },
      to: { path: '\\.(test|contract)\\.ts$|/testing/' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    // Imports what is installed only for it.
    exclude: { path: '^bench/scenarios/peers/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'types'],
    },
  },
};
