import { parseStatus, toFailure } from './kube-status';

const nothing = {
  code: 500,
  message: undefined,
  retryAfterMs: undefined,
  isVersionTooLarge: false,
};

it.each<[string, unknown, object]>([
  ['a status', { code: 403, message: 'no' }, { ...nothing, code: 403, message: 'no' }],
  [
    'a wait',
    { code: 429, details: { retryAfterSeconds: 2 } },
    { ...nothing, code: 429, retryAfterMs: 2000 },
  ],
  ['no wait', { code: 429, details: { retryAfterSeconds: 0 } }, { ...nothing, code: 429 }],
  [
    'a version that the server does not have yet',
    { code: 504, details: { causes: [{ reason: 'ResourceVersionTooLarge' }] } },
    { ...nothing, code: 504, isVersionTooLarge: true },
  ],
  [
    'the same from an older server',
    { code: 504, message: 'Timeout: Too large resource version: 9, current: 7' },
    {
      ...nothing,
      code: 504,
      message: 'Timeout: Too large resource version: 9, current: 7',
      isVersionTooLarge: true,
    },
  ],
  [
    'other causes',
    { code: 504, details: { causes: [null, 7, { reason: 'x' }] } },
    { ...nothing, code: 504 },
  ],
  ['causes that are no list', { details: { causes: {} } }, nothing],
  ['details that are null', { code: 500, details: null }, nothing],
  ['a long message', { message: 'x'.repeat(1000) }, { ...nothing, message: 'x'.repeat(500) }],
  ['an empty message', { message: '' }, nothing],
  ['other types', { code: '403', message: 7, details: { retryAfterSeconds: '2' } }, nothing],
  ['null', null, nothing],
  ['nothing', undefined, nothing],
  ['a text', 'oops', nothing],
  ['a number', 7, nothing],
  ['a list', [1], nothing],
])('reads %s', (_, value, status) => {
  expect(parseStatus(value)).toEqual(status);
});

it.each([
  [410, 'http', 'expired', 'expired'],
  [410, 'event', 'expired', 'expired'],
  [500, 'event', 'refused', 'event_500'],
  [503, 'http', 'refused', 'http_503'],
] as const)('takes %d, by %s, for %s, %s', (code, form, kind, reason) => {
  expect(toFailure({ code }, form)).toMatchObject({ kind, reason });
});

it.each([
  [401, 'token or certificate'],
  [403, 'Role with the verbs list and watch'],
  [404, 'api=endpoints'],
])('says what to do about %d', (code, remedy) => {
  const { message } = toFailure({ code, message: 'no' }, 'http');
  expect(message).toContain(`the API server answered ${code}: no (`);
  expect(message).toContain(remedy);
});

it('takes a version that the server does not have yet for expired', () => {
  expect(toFailure({ code: 504, isVersionTooLarge: true }, 'http')).toMatchObject({
    kind: 'expired',
    reason: 'version_too_large',
  });
});

it('hands on what the server asks to wait', () => {
  expect(toFailure({ code: 429, retryAfterMs: 2000 }, 'http').retryAfterMs).toBe(2000);
});
