import { formatTarget, parseTarget, refuseParts } from './target';

describe('parseTarget', () => {
  it.each([
    ['rating', { service: 'rating' }],
    ['rating.shop', { service: 'rating', namespace: 'shop' }],
    ['rating:grpc', { service: 'rating', port: 'grpc' }],
    ['rating.shop:grpc', { service: 'rating', namespace: 'shop', port: 'grpc' }],
    ['Rating_2-b.shop:9090', { service: 'Rating_2-b', namespace: 'shop', port: '9090' }],
  ])('reads %s', (text, target) => {
    expect(parseTarget(text)).toEqual(target);
    expect(formatTarget(target)).toBe(text);
  });

  it.each([
    '',
    '.',
    'rating.',
    'rating:',
    '.shop',
    'rating.shop.svc',
    'rating:a:b',
    'a,team!=b',
    'a b',
    'a/b',
    'a\n',
    '-a',
    'a-',
    'a'.repeat(64),
  ])('refuses %j, naming it', (text) => {
    expect(() => parseTarget(text)).toThrow(
      expect.objectContaining({
        code: 'invalid_target',
        message: expect.stringContaining(`'${text}' cannot be watched`) as string,
      }) as Error,
    );
  });
});

it.each([undefined, null, 42])('parseTarget refuses %p, which is no text', (value) => {
  expect(() => parseTarget(value as unknown as string)).toThrow(
    `'${String(value)}' cannot be watched`,
  );
});

describe('refuseParts', () => {
  it.each([
    [
      'rating.shop',
      "'rating.shop' cannot be watched: DNS has no namespaces to choose from: leave out 'shop'",
    ],
    [
      'rating:grpc',
      "'rating:grpc' cannot be watched: DNS has no ports to choose from: leave out 'grpc'",
    ],
  ])('refuses %s', (text, message) => {
    expect(() => {
      refuseParts(parseTarget(text), 'DNS');
    }).toThrow(message);
  });

  it('takes a service alone', () => {
    refuseParts(parseTarget('rating'), 'DNS');
  });
});
