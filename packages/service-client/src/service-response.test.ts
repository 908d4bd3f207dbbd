import { createInstance } from '@movies/discovery';
import { ServiceResponse } from './service-response';
import { UpstreamError } from './upstream-error';

const instance = createInstance({ id: 'a', service: 'movies', host: '127.0.0.1', port: 80 });
const attempts = [{ instance, outcome: 'ok', durationMs: 1, status: 200 }] as const;

function answerOf(body: string, headers = {}, status = 200): ServiceResponse {
  return new ServiceResponse({ status, headers, body: Buffer.from(body), instance, attempts });
}

function thrownBy(act: () => unknown): unknown {
  try {
    return act();
  } catch (error: unknown) {
    return error;
  }
}

test('reads the body as JSON', () => {
  expect(answerOf('{"title":"Amélie"}').json()).toEqual({ title: 'Amélie' });
});

test('a body that is no JSON is a bad response, which names who gave it and why', () => {
  const error = thrownBy(() => answerOf('<html>').json());
  expect(error).toBeInstanceOf(UpstreamError);
  expect(error).toMatchObject({
    code: 'upstream_bad_response',
    service: 'movies',
    attempts,
    cause: expect.any(SyntaxError) as SyntaxError,
  });
  expect(String(error)).toContain('the body is not JSON (status 200 of a)');
});

test.each([
  [200, 'upstream_bad_response'],
  [429, 'upstream_overloaded'],
  [500, 'upstream_bad_response'],
  [502, 'upstream_bad_response'],
  [503, 'upstream_unavailable'],
  [504, 'upstream_timeout'],
])('a %i that was not agreed is %s', (status, code) => {
  expect(answerOf('', {}, status).unexpected('the status is not 404')).toMatchObject({
    code,
    message: expect.stringContaining(`the status is not 404 (status ${status} of a)`) as string,
  });
});

test('gives a header by its name', () => {
  expect(answerOf('', { 'x-served-by': 'a' }).header('x-served-by')).toBe('a');
});

test('gives the first of several headers of one name', () => {
  expect(answerOf('', { 'set-cookie': ['a=1', 'b=2'] }).header('set-cookie')).toBe('a=1');
});

test('a header that is not there is undefined', () => {
  expect(answerOf('').header('x-served-by')).toBeUndefined();
});
