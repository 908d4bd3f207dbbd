import { routeOf } from './route';

test.each([
  ['http://rating', { target: 'rating', port: undefined, isSecure: false, needsNamespaces: false }],
  ['http://rating:80', { target: 'rating', port: undefined }],
  ['http://rating:8080', { target: 'rating', port: '8080' }],
  ['https://rating', { target: 'rating', port: undefined, isSecure: true }],
  ['http://RATING/path?query', { target: 'rating', origin: 'http://rating' }],
  ['http://rating_v2', { target: 'rating_v2' }],
  ['http://rating.shop.svc', { target: 'rating.shop', needsNamespaces: true }],
  ['https://rating.shop.svc.cluster.local:8443', { target: 'rating.shop', port: '8443' }],
])('%s is a service', (origin, expected) => {
  expect(routeOf(origin)).toMatchObject(expected);
});

test.each([
  'http://localhost',
  'http://localhost:8080',
  'http://127.0.0.1',
  'http://2130706433',
  'http://0x7f.1',
  'http://[::1]:8080',
  'http://example.com',
  'http://rating.shop',
  'http://rating.',
  'http://a.rating.shop.svc',
  'http://rating.shop.svc.example.com',
  'ftp://rating',
  'rating',
  undefined,
])('%s is none', (origin) => {
  expect(routeOf(origin)).toBeUndefined();
});

test('the origin of a URL object counts', () => {
  expect(routeOf(new URL('http://rating:8080/path'))).toMatchObject({ target: 'rating' });
});
