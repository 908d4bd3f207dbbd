import { parseRetryAfter, parseStatus, toFailure } from './kube-status';

describe('parseStatus', () => {
  it('reads code, message and the wait that the server asks for', () => {
    const status = { code: 429, message: 'slow down', details: { retryAfterSeconds: 3 } };
    expect(parseStatus(status)).toEqual({ code: 429, message: 'slow down', retryAfterMs: 3000 });
  });

  it.each([undefined, null, 'text', 7, [], {}, { code: '410', message: 1, details: null }])(
    'takes %j for an error of which nothing is known',
    (value) => {
      expect(parseStatus(value)).toEqual({
        code: 500,
        message: undefined,
        retryAfterMs: undefined,
      });
    },
  );

  it('cuts a message that would fill the log', () => {
    expect(parseStatus({ message: 'x'.repeat(10_000) }).message).toHaveLength(500);
  });
});

describe('parseRetryAfter', () => {
  const now = Date.UTC(2026, 0, 1);

  it.each([
    [undefined, undefined],
    ['0', 0],
    ['120', 120_000],
    ['Thu, 01 Jan 2026 00:00:05 GMT', 5000],
    ['Wed, 31 Dec 2025 23:59:00 GMT', 0],
    ['soon', undefined],
  ])('reads %j as %j ms', (header, expected) => {
    expect(parseRetryAfter(header, now)).toBe(expected);
  });
});

describe('toFailure', () => {
  const of = (code: number, form: 'http' | 'event' = 'http') => {
    const { kind, reason, message } = toFailure({ code, message: 'because' }, form);
    return { kind, reason, message };
  };

  it('takes 410 in either form for a version that is too old', () => {
    const expired = {
      kind: 'expired',
      reason: 'expired',
      message: 'the API server no longer knows this version: because',
    };
    expect([of(410, 'http'), of(410, 'event')]).toEqual([expired, expired]);
  });

  it.each([
    [401, 'the token or certificate is not, or no longer, valid'],
    [403, 'the account needs a Role with the verbs list and watch on this resource'],
    [404, 'one before 1.21 needs api=endpoints'],
  ])('says of %i what to do', (code, remedy) => {
    const { kind, reason, message } = of(code);
    expect([kind, reason]).toEqual(['refused', `http_${code}`]);
    expect(message).toContain(`the API server answered ${code}: because (`);
    expect(message).toContain(remedy);
  });

  it('tells an error inside a watch from one of the request', () => {
    expect(of(500, 'event')).toEqual({
      kind: 'refused',
      reason: 'event_500',
      message: 'the API server answered 500: because',
    });
  });
});
