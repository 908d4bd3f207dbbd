import { checkAddress, isAddress, formatAddress, parseAddress } from './address';
import { DiscoveryError } from './discovery-error';

describe('parseAddress', () => {
  it.each([
    ['localhost:8081', { host: 'localhost', port: 8081 }],
    ['127.0.0.1:1', { host: '127.0.0.1', port: 1 }],
    [
      'metadata-0.metadata.movies.svc:65535',
      { host: 'metadata-0.metadata.movies.svc', port: 65_535 },
    ],
    ['[::1]:8081', { host: '::1', port: 8081 }],
    ['[2001:db8::1]:80', { host: '2001:db8::1', port: 80 }],
  ])('reads %s, which formatAddress writes again', (text, address) => {
    expect(parseAddress(text)).toEqual(address);
    expect(formatAddress(address)).toBe(text);
  });

  it.each([
    '',
    'localhost',
    'localhost:',
    ':8081',
    '::1:8081',
    '[::1]',
    '[localhost]:8081',
    '[]:8081',
    'localhost:http',
    'localhost:-1',
    'localhost:8081/path',
    'http://localhost:8081',
    'user@localhost:8081',
    'local host:8081',
    'localhost:123456',
  ])("refuses '%s', naming it and the form it expects", (text) => {
    expect(() => parseAddress(text)).toThrow(
      new DiscoveryError(
        'invalid_address',
        `'${text}' is not an address: expected host:port or [ipv6]:port`,
      ),
    );
  });

  it.each([0, 65_536])('refuses port %d, naming the range', (port) => {
    expect(() => parseAddress(`localhost:${port}`)).toThrow(
      `${port} is not a port: expected 1 to 65535`,
    );
  });
});

describe('checkAddress', () => {
  it.each([
    [{ host: '', port: 80 }, 'the host is empty'],
    [{ host: 'no host', port: 80 }, "'no host' is not a host that can be called"],
    [{ host: 'a/b', port: 80 }, "'a/b' is not a host that can be called"],
    [{ host: 'a%zz', port: 80 }, "'a%zz' is not a host that can be called"],
    [{ host: 'user@a', port: 80 }, "'user@a' is not a host that can be called"],
    [{ host: 'localhost', port: 0 }, '0 is not a port: expected 1 to 65535'],
    [{ host: 'localhost', port: 1.5 }, '1.5 is not a port: expected 1 to 65535'],
    [{ host: 'localhost', port: Number.NaN }, 'NaN is not a port: expected 1 to 65535'],
  ])('refuses %j', (address, message) => {
    expect(() => {
      checkAddress(address);
    }).toThrow(new DiscoveryError('invalid_address', message));
  });
});

describe('isAddress', () => {
  it.each([
    ['10.0.0.1', 80, true],
    ['::1', 80, true],
    ['web_1.internal', 80, true],
    ['', 80, false],
    ['no host', 80, false],
    ['localhost', 0, false],
  ])('of %j and %j is %j', (host, port, expected) => {
    expect(isAddress({ host, port })).toBe(expected);
  });
});
