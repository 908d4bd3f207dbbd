import fc from 'fast-check';
import { isRepeatable } from './repeatable';

it.each(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE', 'get', 'Put'])(
  '%s can be sent twice',
  (method) => {
    expect(isRepeatable({ method })).toBe(true);
  },
);

it.each(['POST', 'PATCH', 'CONNECT', 'QUERY'])('%s cannot', (method) => {
  expect(isRepeatable({ method })).toBe(false);
  expect(isRepeatable({ method, headers: { 'content-type': 'text/plain' } })).toBe(false);
});

it.each(['Idempotency-Key', 'idempotency-key', 'IDEMPOTENCY-KEY'])(
  'POST can be sent twice with the header %s',
  (name) => {
    expect(isRepeatable({ method: 'POST', headers: { accept: '*/*', [name]: '1' } })).toBe(true);
  },
);

it('nothing is sent twice that serves a retry of the caller', () => {
  const method = fc.constantFrom('GET', 'PUT', 'POST', 'PATCH');
  const headers = fc.constantFrom({}, { 'idempotency-key': '1' });
  fc.assert(
    fc.property(method, headers, (given, keys) => {
      expect(isRepeatable({ method: given, headers: keys, isRetry: true })).toBe(false);
      const first = isRepeatable({ method: given, headers: keys });
      expect(isRepeatable({ method: given, headers: keys, isRetry: false })).toBe(first);
    }),
  );
});

test.each([undefined, ''])('a key that is %p is none, since it is not sent', (key) => {
  expect(isRepeatable({ method: 'POST', headers: { 'idempotency-key': key } })).toBe(false);
});
