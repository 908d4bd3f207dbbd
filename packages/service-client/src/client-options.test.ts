import { clientSettings } from './client-options';
import type { ResponseClassifier } from './classify';
import { get, Scene } from './testing/scene';

/** Options as plain JavaScript may give them. */
function settingsOf(options: object): unknown {
  return clientSettings(options);
}

const durations = ['deadlineMs', 'slowStartMs'];
const times = [
  'keepAliveMs',
  'connectTimeoutMs',
  'patience',
  'retryBudget.windowMs',
  'ejection.windowMs',
  'ejection.failedMs',
  'ejection.maxFailedMs',
  'ejection.refusedMs',
  'ejection.maxRefusedMs',
];
const counts = [
  'maxBodyBytes',
  'maxConnections',
  'maxQueued',
  'maxAttempts',
  'ejection.failuresInRow',
  'ejection.minimumCalls',
];
const numbers = [
  'retryBudget.perRequest',
  'retryBudget.perSecond',
  'retryThrottle.tokens',
  'retryThrottle.perSecond',
  'ejection.failureRate',
  'ejection.maxShare',
];
const functions = ['classify', 'onAttempt', 'random', 'balancer.pick'];
/** A wait that never ends is a choice there; elsewhere it has no meaning. */
const endless = ['deadlineMs', 'patience', 'connectTimeoutMs', 'ejection.failedMs'];

/** Options with one of them set, by its name with dots. */
function only(name: string, value: unknown): object {
  const [group = '', field] = name.split('.');
  return { [group]: field === undefined ? value : { [field]: value } };
}

const refused: [string, unknown][] = [
  ...[...durations, ...times, ...counts, ...numbers].flatMap((name): [string, unknown][] => [
    [name, NaN],
    [name, -1],
    [name, 'abc'],
    [name, '5'],
    [name, null],
  ]),
  ...times.map((name): [string, unknown] => [name, 0]),
  ...counts.flatMap((name): [string, unknown][] => [
    [name, 1.5],
    [name, Infinity],
  ]),
  ...counts.filter((name) => name !== 'maxQueued').map((name): [string, unknown] => [name, 0]),
  ...numbers.map((name): [string, unknown] => [name, Infinity]),
  ...['keepAliveMs', 'slowStartMs', 'retryBudget.windowMs', 'ejection.windowMs'].map(
    (name): [string, unknown] => [name, Infinity],
  ),
  ...functions.map((name): [string, unknown] => [name, 'abc']),
];

test.each(refused)('%s: %p is refused by the name of the option', (name, value) => {
  expect(() => settingsOf(only(name, value))).toThrow(`'${name}' is `);
});

test.each(endless)('%s may be Infinity', (name) => {
  expect(() => settingsOf(only(name, Infinity))).not.toThrow();
});

test.each([...durations, ...times, ...counts, ...numbers, ...functions.slice(0, 3)])(
  '%s that is undefined is the default',
  (name) => {
    const given = clientSettings(only(name, undefined));
    expect(JSON.stringify(given)).toBe(JSON.stringify(clientSettings({})));
  },
);

test.each([
  ['deadlineMS', { deadlineMS: 100 }],
  ['retryBudget.perMinute', { retryBudget: { perMinute: 1 } }],
  ['ejection.maxshare', { ejection: { maxshare: 1 } }],
])('an unknown option is refused by its name: %s', (name, options) => {
  expect(() => settingsOf(options)).toThrow(
    new RegExp(`^there is no option '${name}': known are `),
  );
});

test('a patience in words that there is not is refused', () => {
  expect(() => settingsOf({ patience: 'quarter' })).toThrow(
    "'patience' is half, p95 or a time, and not the text 'quarter'",
  );
});

describe('what throws is a warning that names it', () => {
  let warn: jest.SpyInstance;
  beforeEach(() => {
    warn = jest.spyOn(process, 'emitWarning').mockImplementation();
  });
  afterEach(() => {
    warn.mockRestore();
  });
  const fail = () => {
    throw new Error('no such label');
  };
  const expectWarning = (name: string) => {
    const message = `'${name}' of a service client throws Error: no such label\n`;
    expect(warn.mock.calls).toEqual([[expect.stringContaining(message)]]);
  };

  test('classify, and the status decides', () => {
    const { classify } = clientSettings({ classify: fail });
    expect(classify({ status: 503, headers: {} })).toBe('unavailable');
    expectWarning('classify');
  });

  test('classify that gives no class, such as a promise, and the status decides', () => {
    const given = [Promise.resolve('ok'), 'fine'];
    const classify = (() => given.pop()) as unknown as ResponseClassifier;
    const settings = clientSettings({ classify });
    for (let i = 0; i < 2; i++) {
      expect(settings.classify({ status: 503, headers: {} })).toBe('unavailable');
    }
    expect(warn.mock.calls).toEqual([
      [expect.stringContaining("'classify' of a service client returns 'fine'")],
      [expect.stringContaining("'classify' of a service client returns Promise")],
    ]);
  });

  test('a balancer, and the first instance is asked', async () => {
    const balancer = { state: fail, pick: fail, started: fail, ended: fail, score: fail };
    await using scene = await Scene.open(['a', 'b'], { balancer });
    expect((await scene.client.request(get)).instance.id).toBe('a');
    expect(scene.client.explain().hosts).toHaveLength(2);
    expect(warn).toHaveBeenCalledWith(expect.stringContaining("'balancer.ended'"));
  });

  test('a balancer that picks what is not there, and the first instance is asked', async () => {
    const balancer = { state: () => 0, pick: () => NaN };
    await using scene = await Scene.open(['a', 'b'], { balancer });
    expect((await scene.client.request(get)).instance.id).toBe('a');
  });

  test('onAttempt that rejects later', async () => {
    const onAttempt = (() => Promise.reject(new Error('no such label'))) as () => void;
    await using scene = await Scene.open(['a'], { onAttempt });
    expect((await scene.client.request(get)).status).toBe(200);
    await new Promise(setImmediate);
    expectWarning('onAttempt');
  });

  test('onAttempt, and the response is there', async () => {
    await using scene = await Scene.open(['a'], { onAttempt: fail });
    expect((await scene.client.request(get)).status).toBe(200);
    expectWarning('onAttempt');
  });
});
