import { inspect } from 'node:util';
import { createInstance } from '@movies/discovery';
import { describeAttempt, type Attempt } from './attempt';
import { UpstreamError } from './upstream-error';

const instance = createInstance({ id: 'a', service: 'movies', host: '127.0.0.1', port: 80 });
const answered: Attempt = { instance, outcome: 'unavailable', durationMs: 12.4, status: 503 };
const refused: Attempt = {
  instance,
  outcome: 'refused',
  durationMs: 0.6,
  error: new Error('connect ECONNREFUSED 127.0.0.1:80'),
};

test('an attempt tells the instance, the outcome with its status, and the time', () => {
  expect(describeAttempt(answered)).toBe('a unavailable (503) after 12 ms');
});

test('an attempt without an answer tells what the network said', () => {
  expect(describeAttempt(refused)).toBe('a refused after 1 ms: connect ECONNREFUSED 127.0.0.1:80');
});

test('an error without a message is told by its code, else by its name', () => {
  const coded = Object.assign(new AggregateError([]), { code: 'ECONNREFUSED' });
  expect(describeAttempt({ ...refused, error: coded })).toMatch(/: ECONNREFUSED$/);
  expect(describeAttempt({ ...refused, error: new TypeError() })).toMatch(/: TypeError$/);
});

test('the message names the service, the reason and every attempt', () => {
  const error = new UpstreamError('upstream_unavailable', 'no instance could be reached', {
    service: 'movies',
    attempts: [answered, refused],
  });
  expect(error.message).toBe(
    'movies: no instance could be reached [a unavailable (503) after 12 ms; ' +
      'a refused after 1 ms: connect ECONNREFUSED 127.0.0.1:80]',
  );
});

test('without attempts the message ends with the reason', () => {
  const error = new UpstreamError('upstream_unavailable', 'no instance is registered', {
    service: 'movies',
  });
  expect(error.message).toBe('movies: no instance is registered');
  expect(error.attempts).toEqual([]);
});

test('the cause is kept, and is absent if there is none', () => {
  const cause = new Error('why');
  const options = { service: 'movies' };
  expect(new UpstreamError('upstream_timeout', 'late', { ...options, cause }).cause).toBe(cause);
  const without = new UpstreamError('upstream_timeout', 'late', { ...options, cause: undefined });
  expect(Object.hasOwn(without, 'cause')).toBe(false);
});

describe('printed', () => {
  const failed = (id: string): Attempt => {
    const error = Object.assign(new Error(`connect ECONNREFUSED ${id}`), { errno: -111, port: 80 });
    return { ...refused, instance: { ...instance, id }, error };
  };
  const attempts = [failed('a'), failed('b'), failed('c')];
  const error = new UpstreamError('upstream_unavailable', 'no instance could be reached', {
    service: 'movies',
    attempts,
    cause: attempts[2]?.error,
  });
  const linesOf = (printed: unknown) => String(printed).split('\n');

  test('it takes no line beside its message and stack, whatever the attempts are', () => {
    const lines = linesOf(inspect(error));
    expect(lines[0]).toBe(`UpstreamError: ${error.message}`);
    expect(lines).toHaveLength(linesOf(error.stack).length);
    expect(lines.at(-1)).toMatch(/ \{ code: 'upstream_unavailable', service: 'movies' \}$/);
  });

  test('it names a cause that no attempt tells, in a few words', () => {
    const cause = new Error('the agent is gone', { cause: error });
    const closed = new UpstreamError('upstream_unavailable', 'its instances are not known', {
      service: 'movies',
      cause,
    });
    expect(inspect(closed)).toContain(", cause: 'Error: the agent is gone' }");
    expect(linesOf(inspect(closed))).toHaveLength(linesOf(closed.stack).length);
  });

  test('as JSON it has the fields that logs have of it', () => {
    expect(JSON.parse(JSON.stringify(error))).toMatchObject({
      code: 'upstream_unavailable',
      service: 'movies',
      attempts: [{ instance: { id: 'a' }, outcome: 'refused' }, {}, {}],
    });
  });
});
