import { createInstance, sameInstance, type Instance } from './instance';

const fields = { id: 'a', service: 'metadata', host: 'localhost', port: 8081 };

describe('createInstance', () => {
  it('fills in ready, weight 1 and no labels', () => {
    expect(createInstance(fields)).toEqual({ ...fields, state: 'ready', weight: 1, labels: {} });
  });

  it('keeps every field that is given', () => {
    const whole: Instance = {
      ...fields,
      state: 'draining',
      zone: 'zone-1',
      weight: 0.5,
      labels: { version: '1' },
    };
    expect(createInstance(whole)).toEqual(whole);
  });

  it('is frozen, its labels too, and shares them with nobody', () => {
    const labels = { version: '1' };
    const instance = createInstance({ ...fields, labels });
    labels.version = '2';
    expect(instance.labels).toEqual({ version: '1' });
    expect([Object.isFrozen(instance), Object.isFrozen(instance.labels)]).toEqual([true, true]);
  });

  it('refuses an address that cannot be called', () => {
    expect(() => createInstance({ ...fields, port: 0 })).toThrow('0 is not a port');
    expect(() => createInstance({ ...fields, host: '' })).toThrow('the host is empty');
  });
});

describe('sameInstance', () => {
  const whole = createInstance({ ...fields, zone: 'zone-1', labels: { version: '1' } });

  it('is true for equal fields', () => {
    expect(sameInstance(whole, createInstance(whole))).toBe(true);
  });

  it.each<Partial<Instance>>([
    { id: 'b' },
    { service: 'rating' },
    { host: '127.0.0.1' },
    { port: 8082 },
    { state: 'not_ready' },
    { zone: 'zone-2' },
    { weight: 2 },
    { labels: {} },
    { labels: { version: '2' } },
    { labels: { other: '1' } },
    { labels: { version: '1', other: '1' } },
  ])('is false when %j differs', (difference) => {
    const other = createInstance({ ...whole, ...difference });
    expect([sameInstance(whole, other), sameInstance(other, whole)]).toEqual([false, false]);
  });
});
