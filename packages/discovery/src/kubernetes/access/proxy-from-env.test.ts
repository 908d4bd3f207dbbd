import { proxyFromEnv } from './proxy-from-env';

const HTTPS_PROXY = 'http://proxy.test:3128';

describe('the proxy of the environment', () => {
  it.each<[string, Readonly<Record<string, string>>, string | undefined]>([
    ['https://api.test:6443', {}, undefined],
    ['https://api.test:6443', { HTTPS_PROXY }, HTTPS_PROXY],
    ['https://api.test:6443', { https_proxy: HTTPS_PROXY }, HTTPS_PROXY],
    ['https://api.test:6443', { HTTPS_PROXY, https_proxy: 'http://other' }, HTTPS_PROXY],
    ['https://api.test:6443', { HTTPS_PROXY: '', https_proxy: HTTPS_PROXY }, HTTPS_PROXY],
    // Unlike other programs, Go takes neither of them for the other scheme.
    ['https://api.test:6443', { HTTP_PROXY: HTTPS_PROXY }, undefined],
    ['http://api.test:8080', { HTTPS_PROXY }, undefined],
    ['https://api.test:6443', { ALL_PROXY: HTTPS_PROXY }, undefined],
    ['http://api.test:8080', { HTTP_PROXY: HTTPS_PROXY }, HTTPS_PROXY],
    ['http://api.test:8080', { http_proxy: HTTPS_PROXY }, HTTPS_PROXY],
    ['http://api.test:8080', { HTTP_PROXY: HTTPS_PROXY, REQUEST_METHOD: 'GET' }, undefined],
    ['https://api.test', { HTTPS_PROXY: 'proxy.test:3128' }, HTTPS_PROXY],
    ['https://api.test', { HTTPS_PROXY: 'proxy.test' }, 'http://proxy.test'],
    ['https://api.test', { HTTPS_PROXY: 'https://ann:b@proxy.test' }, 'https://ann:b@proxy.test'],
    ['https://api.test', { HTTPS_PROXY: 'socks5://proxy.test' }, 'socks5://proxy.test'],
    ['https://api.test', { HTTPS_PROXY: 'socks5h://proxy.test' }, 'socks5://proxy.test'],
    ['https://localhost:6443', { HTTPS_PROXY }, undefined],
    ['https://127.3.2.1:6443', { HTTPS_PROXY }, undefined],
    ['https://[::1]:6443', { HTTPS_PROXY }, undefined],
  ])('of %s with %j is %s', (server, env, proxy) => {
    expect(proxyFromEnv(server, env)).toBe(proxy);
  });

  it.each(['ftp://proxy.test', 'http://', 'http://a b', 'socks4://proxy.test'])(
    'is refused by name if it is %s',
    (proxy) => {
      expect(() => proxyFromEnv('https://api.test', { HTTPS_PROXY: proxy })).toThrow(
        'HTTPS_PROXY is not the URL of a proxy: write http://HOST:PORT, or https:// or socks5:// instead of http://',
      );
    },
  );
});

it('a proxy whose password is not percent-encoded is refused, and the password is not told', () => {
  expect(() =>
    proxyFromEnv('https://api.test', { HTTPS_PROXY: 'http://ann:50%@proxy.test' }),
  ).toThrow('HTTPS_PROXY has a user or password with a % that is not percent-encoded: write %25');
});

describe('NO_PROXY', () => {
  it.each<[string, string, boolean]>([
    ['*', 'api.test:6443', true],
    ['other, *', 'api.test:6443', true],
    ['api.test', 'api.test:6443', true],
    ['API.Test', 'api.test', true],
    ['api.test:6443', 'api.test:6443', true],
    ['api.test:443', 'api.test', true],
    ['api.test:443', 'api.test:6443', false],
    ['test', 'api.test:6443', true],
    ['test', 'test', true],
    ['pi.test', 'api.test', false],
    ['.test', 'api.test', true],
    ['.test', 'test', false],
    ['*.test', 'a.api.test', true],
    ['*.test', 'test', false],
    ['*.test:443', 'api.test:6443', false],
    ['10.0.0.1', '10.0.0.1:6443', true],
    ['10.0.0.1:443', '10.0.0.1:6443', false],
    ['10.0.0.0/8', '10.9.9.9:6443', true],
    ['10.0.0.0/8', '11.0.0.1', false],
    ['10.0.0.0/8', 'api.test', false],
    ['10.0.0.0/99', '10.0.0.1', false],
    ['fd00::/8', '[fd00::1]:6443', true],
    ['fd00::1', '[fd00::1]:6443', true],
    ['[fd00::1]', '[fd00::1]:6443', true],
    ['[fd00::1]:443', '[fd00::1]:6443', false],
    ['[fd00::1]:6443', '[fd00::1]:6443', true],
    [' a ,, api.test , :80', 'api.test', true],
    ['', 'api.test', false],
  ])('%s exempts %s: %s', (NO_PROXY, host, isExempt) => {
    const server = `https://${host}`;
    const expected = isExempt ? undefined : HTTPS_PROXY;
    expect(proxyFromEnv(server, { HTTPS_PROXY, NO_PROXY })).toBe(expected);
    expect(proxyFromEnv(server, { HTTPS_PROXY, no_proxy: NO_PROXY })).toBe(expected);
  });
});
