import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { killServiceProcesses, ServiceProcess } from './service-process';

afterAll(killServiceProcesses);

async function outcomeOf(
  args: readonly string[],
  env: Record<string, string> = {},
  script = 'services/movie/src/main.ts',
) {
  const service = new ServiceProcess({ script, args, env: { LOG_LEVEL: 'warn', ...env } });
  const code = await service.exited;
  return { code, errors: service.errors, output: service.lines };
}

it.each([
  [['--port', '99999'], "--port: '99999': expected a port, 0 to 65535"],
  [
    ['--registry', 'etcd://x'],
    "the registry URL 'etcd://x' cannot be used: it begins with none of",
  ],
  [
    ['--registry', 'consul://h?token-file=/no/such'],
    "cannot read the file of 'token-file', /no/such",
  ],
  [['--bogus'], '--bogus is not a flag'],
])('ends with 78 and one message for %j', async (args, message) => {
  const { code, errors, output } = await outcomeOf(args);
  expect(code).toBe(78);
  expect(errors).toContain(message);
  expect(errors).not.toMatch(/\n\s+at /);
  expect(output).toEqual([]);
});

it.each(['services/rating/src/main.ts', 'start.ts'])(
  'shows no part of a database URL that %s cannot use',
  async (script) => {
    const url = 'postgres://me:secret@host/movies?sslmode=maybe';
    const { code, errors, output } = await outcomeOf([], { DATABASE_URL: url }, script);
    expect(code).toBe(78);
    expect(errors).toContain(
      "DATABASE_URL: the database URL cannot be used: 'sslmode' is one of disable, require,",
    );
    expect(errors + JSON.stringify(output)).not.toContain('secret');
  },
);

it('names every bad value in one message', async () => {
  const { code, errors } = await outcomeOf(['--port', 'x'], {
    REGISTRY_URL: 'nowhere',
    REQUEST_TIMEOUT_MS: 'soon',
  });
  expect(code).toBe(78);
  expect(errors.split('\n').map((line) => line.trim().split(':')[0])).toEqual([
    'The configuration cannot be used',
    '--port',
    'REGISTRY_URL',
    'REQUEST_TIMEOUT_MS',
    '--help lists every setting',
    '',
  ]);
});

it.each([
  ['services/movie/src/main.ts', { PORT: 'TAKEN', REGISTRY_URL: 'memory:' }],
  ['start.ts', { METADATA_PORT: '0', RATING_PORT: '0', MOVIE_PORT: 'TAKEN' }],
])('ends with 1 and one line when a port of %s is taken', async (script, env) => {
  const server = createServer().listen(0);
  await once(server, 'listening');
  const port = String((server.address() as AddressInfo).port);
  const withPort = Object.fromEntries(
    Object.entries(env).map(([name, value]) => [name, value === 'TAKEN' ? port : value]),
  );
  const { code, errors } = await outcomeOf([], withPort, script);
  server.close();
  expect(code).toBe(1);
  expect(errors).toMatch(new RegExp(`^Port ${port} is taken: .*\\n$`));
});

it('lists every setting on --help, and ends with 0', async () => {
  const { code, output } = await outcomeOf(['--help'], {}, 'services/rating/src/main.ts');
  expect(code).toBe(0);
  const text = output.map(({ msg }) => msg).join('\n');
  expect(text).toContain('--database, DATABASE_URL');
  expect(text).toContain('DATABASE_URL_FILE');
  for (const name of ['--port, PORT', '--registry, REGISTRY_URL', 'SHUTDOWN_DELAY_MS', '--help']) {
    expect(text).toContain(name);
  }
});
