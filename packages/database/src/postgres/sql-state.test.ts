import { leavesConnectionGood, toDatabaseError } from './sql-state';

const serverError = (code: string) =>
  Object.assign(new Error('it said'), { code, severity: 'ERROR' });
const systemError = (code: string) => Object.assign(new Error('it said'), { code });

it.each([
  ['53300', 'database_unavailable', false],
  ['57P01', 'database_unavailable', false],
  ['57P03', 'database_unavailable', false],
  ['08006', 'database_unavailable', false],
  ['25006', 'database_unavailable', false],
  ['57014', 'database_timeout', true],
  ['42601', 'query_failed', true],
  ['23514', 'query_failed', true],
])('takes %s of the server for %s; its connection is good after that: %p', (state, code, good) => {
  const error = toDatabaseError(serverError(state), 'the database');
  expect(error.code).toBe(code);
  expect(error.message).toContain(`it said (${state})`);
  expect(leavesConnectionGood(serverError(state))).toBe(good);
});

it.each(['ECONNRESET', 'EPIPE', 'ENOTFOUND'])('takes %s for a connection that is lost', (code) => {
  expect(toDatabaseError(systemError(code), 'the database').code).toBe('database_unavailable');
  expect(leavesConnectionGood(systemError(code))).toBe(false);
});
