import { createInstance, sameInstance, type Instance } from './instance';

const fields = { id: 'a', service: 'metadata', host: 'localhost', port: 8081 };

describe('createInstance', () => {
  it('fills in ready, weight 1, no tags and no labels, also for what is undefined', () => {
    const filled = { ...fields, state: 'ready', weight: 1, tags: [], labels: {} };
    expect(createInstance(fields)).toStrictEqual(filled);
    const absent = { state: undefined, weight: undefined, zone: undefined, hints: undefined };
    expect(
      createInstance({ ...fields, ...absent, tags: undefined, labels: undefined }),
    ).toStrictEqual(filled);
  });

  it('keeps every field that is given', () => {
    const whole: Instance = {
      ...fields,
      state: 'draining',
      zone: 'zone-1',
      hints: { zones: ['zone-1'], nodes: ['node-1'] },
      weight: 0.5,
      tags: ['blue'],
      labels: { version: '1' },
    };
    expect(createInstance(whole)).toEqual(whole);
  });

  it('is frozen, its labels too, and copies them', () => {
    const labels = { version: '1' };
    const instance = createInstance({ ...fields, labels });
    labels.version = '2';
    expect(instance.labels).toEqual({ version: '1' });
    expect([Object.isFrozen(instance), Object.isFrozen(instance.labels)]).toEqual([true, true]);
  });

  it('refuses what is no text for a host, and a text for a port', () => {
    const host = undefined as unknown as string;
    expect(() => createInstance({ ...fields, host })).toThrow("'undefined' is not a host");
    const port = '80' as unknown as number;
    expect(() => createInstance({ ...fields, port })).toThrow("the text '80' is not a port");
  });

  it('refuses an address that cannot be called', () => {
    expect(() => createInstance({ ...fields, port: 0 })).toThrow('0 is not a port');
    expect(() => createInstance({ ...fields, host: '' })).toThrow('the host is empty');
    expect(() => createInstance({ ...fields, host: 'fe80::1%eth0' })).toThrow("'fe80::1%eth0'");
  });

  it.each<[string, object]>([
    ['id', { id: '' }],
    ['id', { id: undefined }],
    ['zone', { zone: '' }],
    ['weight', { weight: '5' }],
    ['tags', { tags: 'v1' }],
    ['tags', { tags: [1] }],
    ['labels', { labels: { version: 1 } }],
    ['labels', { labels: 'version' }],
    ['labels', { labels: ['version'] }],
    ['labels', { labels: new Map([['version', '1']]) }],
    ['labels', { labels: null }],
    ['hints', { hints: 'zone-1' }],
    ['hints', { hints: ['zone-1'] }],
    ['hints', { hints: null }],
    ['zones of the hints', { hints: { zones: 'zone-1' } }],
    ['service', { service: '' }],
    ['state', { state: 'unwell' }],
    ['state', { state: 'toString' }],
    ['state', { state: ['ready'] }],
    ['weight', { weight: 0 }],
    ['weight', { weight: -1 }],
    ['weight', { weight: NaN }],
    ['weight', { weight: Infinity }],
  ])('refuses a bad %s: %j', (field, difference) => {
    expect(() => createInstance({ ...fields, ...difference })).toThrow(
      expect.objectContaining({
        code: 'invalid_instance',
        message: expect.stringContaining(`the ${field} of an instance`) as string,
      }) as Error,
    );
  });
});

describe('sameInstance', () => {
  const whole = createInstance({
    ...fields,
    zone: 'zone-1',
    hints: { zones: ['zone-1', 'zone-2'], nodes: ['node-1'] },
    tags: ['blue'],
    labels: { version: '1' },
  });

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
    { hints: {} },
    { hints: { zones: ['zone-1'], nodes: ['node-1'] } },
    { hints: { zones: ['zone-1', 'zone-2'], nodes: ['node-2'] } },
    { tags: [] },
    { tags: ['green'] },
    { labels: {} },
    { labels: { version: '2' } },
    { labels: { other: '1' } },
    { labels: { version: '1', other: '1' } },
  ])('is false when %j differs', (difference) => {
    const other = createInstance({ ...whole, ...difference });
    expect([sameInstance(whole, other), sameInstance(other, whole)]).toEqual([false, false]);
  });
});
