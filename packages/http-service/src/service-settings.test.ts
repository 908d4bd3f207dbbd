import { parseSettings } from './settings';
import { serviceSettings } from './service-settings';

const parse = (argv: readonly string[], env: Record<string, string> = {}) =>
  parseSettings(serviceSettings(8083), { argv: ['--registry', 'memory:', ...argv], env });

it('has the documented defaults', () => {
  const { registry, ...rest } = parse([]);
  expect(registry.registrar).toBeDefined();
  expect(rest).toEqual({
    port: 8083,
    host: undefined,
    advertise: undefined,
    zone: undefined,
    logLevel: 'info',
    logFormat: undefined,
    requestTimeoutMs: 2000,
    shutdownDelayMs: undefined,
    shutdownTimeoutMs: 20_000,
  });
});

it.each(['-1', '65536', '99999', '80x', '8 0', ''])('refuses the port %p', (port) => {
  expect(() => parse([`--port=${port}`])).toThrow('expected a port, 0 to 65535');
});

it.each([
  ['host.example:81', { host: 'host.example', port: 81 }],
  ['http://10.0.0.1:81', { host: '10.0.0.1', port: 81 }],
  ['http://10.0.0.1:81/', { host: '10.0.0.1', port: 81 }],
  ['10.0.0.1:80', { host: '10.0.0.1', port: 80 }],
  ['[::1]:81', { host: '::1', port: 81 }],
  ['[::1]:80', { host: '::1', port: 80 }],
  ['http://[fd00::1]', { host: 'fd00::1' }],
  ['10.0.0.1', { host: '10.0.0.1' }],
])('takes %s as the advertised address', (text, address) => {
  expect(parse(['--advertise', text]).advertise).toEqual(address);
});

it.each(['https://a:1', 'a:b', 'http://a:1/path', '', 'http://', 'http://a:1?b', 'u:p@a:1'])(
  'refuses to advertise %p',
  (text) => {
    expect(() => parse([`--advertise=${text}`])).toThrow('expected host:port or http://host:port');
  },
);

it('names a registry URL that cannot be used, and why', () => {
  expect(() => parse([], { REGISTRY_URL: 'unused' })).not.toThrow();
  expect(() => parse(['--registry', 'etcd://host'])).toThrow(
    "--registry: the registry URL 'etcd://host' cannot be used: it begins with none of memory:",
  );
});

it('refuses what is no number of milliseconds', () => {
  for (const value of ['0', '-5', '1.5', 'soon', '3600001']) {
    expect(() => parse([], { REQUEST_TIMEOUT_MS: value })).toThrow('REQUEST_TIMEOUT_MS');
  }
  expect(parse([], { SHUTDOWN_DELAY_MS: '0' }).shutdownDelayMs).toBe(0);
});
