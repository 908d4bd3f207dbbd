import { DatabaseError } from '@movies/database';
import { DiscoveryError } from '@movies/discovery';
import { UpstreamError } from '@movies/service-client';
import { problemOfStatus, toProblem } from './problem';
import { RequestError } from './request-error';

it.each([
  ['invalid_input', 400],
  ['not_found', 404],
  ['payload_too_large', 413],
  ['unsupported_media_type', 415],
  ['deadline_exceeded', 504],
] as const)('makes %s a %d', (code, status) => {
  expect(toProblem(new RequestError(code, 'because'))).toMatchObject({
    type: 'about:blank',
    status,
    code,
    detail: 'because',
  });
});

it.each([
  ['upstream_unavailable', 503],
  ['upstream_overloaded', 503],
  ['upstream_timeout', 504],
  ['upstream_bad_response', 502],
  ['upstream_aborted', 499],
] as const)(
  'makes %s a %d that names the upstream, and keeps its addresses to itself',
  (code, status) => {
    const error = new UpstreamError(code, 'tried 10.0.0.1', { service: 'rating' });
    const problem = toProblem(error);
    expect(problem).toMatchObject({ status, code, upstream: 'rating' });
    expect(JSON.stringify(problem)).not.toContain('10.0.0.1');
  },
);

it.each(['no_instances', 'registry_unavailable'] as const)('makes %s a 503', (code) => {
  expect(toProblem(new DiscoveryError(code, 'consul at 10.0.0.1')).status).toBe(503);
});

it.each(['database_unavailable', 'database_timeout'] as const)(
  'makes %s a 503 that keeps its address to itself',
  (code) => {
    const problem = toProblem(new DatabaseError(code, 'postgres on 10.0.0.1'));
    expect(problem).toMatchObject({ status: 503, code, detail: 'the database has no answer' });
    expect(JSON.stringify(problem)).not.toContain('10.0.0.1');
  },
);

it('makes a statement that the database refuses a 500', () => {
  const problem = toProblem(new DatabaseError('query_failed', 'no column 1234'));
  expect(problem).toMatchObject({ status: 500, code: 'internal' });
  expect(JSON.stringify(problem)).not.toContain('1234');
});

it('tells nothing of an error that is not ours', () => {
  const problem = toProblem(new Error('password is 1234'));
  expect(problem).toMatchObject({ status: 500, code: 'internal', title: 'Internal Server Error' });
  expect(JSON.stringify(problem)).not.toContain('1234');
  expect(toProblem('text')).toEqual(problem);
});

it('makes a code of a bare status', () => {
  expect(problemOfStatus(405, 'no').code).toBe('method_not_allowed');
});
