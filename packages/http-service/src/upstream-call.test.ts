import { createInstance } from '@movies/discovery';
import type { Attempt } from '@movies/service-client';
import { validateHeaderValue } from 'node:http';
import { describeCall, upstreamsHeader } from './upstream-call';

function instanceOf(id: string, port = 80) {
  return createInstance({ id, service: 'rating', host: '10.0.0.1', port });
}

function callOf(by: string) {
  return { service: 'rating', served: { by, instance: instanceOf(by) }, attempts: [] };
}

describe('the header of upstreams', () => {
  test('names who answered, service by service', () => {
    const unanswered = { service: 'metadata', served: undefined, attempts: [] };
    expect(upstreamsHeader([callOf('r1'), unanswered, callOf('r2')])).toBe('rating=r1, rating=r2');
    expect(upstreamsHeader([unanswered])).toBe('');
  });

  test.each([
    ['métadata-映', 'rating=m%C3%A9tadata-%E6%98%A0'],
    ['a\r\nb', 'rating=a%0D%0Ab'],
    ['\ud800', 'rating=%EF%BF%BD'],
  ])('percent-encodes what no header can have: %p', (id, value) => {
    expect(upstreamsHeader([callOf(id)])).toBe(value);
    expect(() => {
      validateHeaderValue('x-upstreams', value);
    }).not.toThrow();
  });
});

describe('a call in the log', () => {
  const late: Attempt = {
    instance: instanceOf('a', 81),
    outcome: 'ok',
    durationMs: 1200.126,
    status: 200,
  };
  const beside: Attempt = {
    instance: instanceOf('b', 82),
    outcome: 'outrun',
    durationMs: 200,
    error: new Error('another attempt was answered first'),
  };

  test('tells the attempt that was answered, also when another one began later', () => {
    const served = { by: 'rating-a', instance: instanceOf('a', 81) };
    expect(describeCall({ service: 'rating', served, attempts: [late, beside] })).toEqual({
      service: 'rating',
      instance: 'rating-a',
      address: '10.0.0.1:81',
      durationMs: 1200.13,
      failed: ['b outrun after 200 ms: another attempt was answered first'],
    });
  });

  test('that was not answered tells the attempts only', () => {
    expect(describeCall({ service: 'rating', served: undefined, attempts: [beside] })).toEqual({
      service: 'rating',
      failed: ['b outrun after 200 ms: another attempt was answered first'],
    });
  });
});
