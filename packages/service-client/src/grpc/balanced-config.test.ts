import { balancedConfig } from './balanced-config';

const roundRobin = { loadBalancingConfig: [{ round_robin: {} }] };

test('without an option it is round_robin', () => {
  const config = { ...roundRobin, methodConfig: [] };
  expect(balancedConfig(undefined)).toEqual(config);
  expect(balancedConfig('')).toEqual(config);
  expect(balancedConfig('{"loadBalancingConfig":[]}')).toEqual(config);
});

test('an option without load balancing stays in force beside it', () => {
  const retryThrottling = { maxTokens: 10, tokenRatio: 0.1 };
  const name = [{ service: 'shop.Rating' }];
  const methodConfig = [
    { name, waitForReady: true, timeout: '1.5s' },
    { name: [{}], timeout: { seconds: 2, nanos: 0 } },
  ];
  expect(balancedConfig(JSON.stringify({ retryThrottling, methodConfig }))).toEqual({
    ...roundRobin,
    retryThrottling,
    methodConfig: [
      { name, waitForReady: true, timeout: { seconds: 1, nanos: 500_000_000 } },
      { name: [{}], timeout: { seconds: 2, nanos: 0 } },
    ],
  });
});

test('an option with load balancing is left to grpc-js, which takes the first that it knows', () => {
  const loadBalancingConfig = [{ of_tomorrow: {} }, { pick_first: {} }];
  expect(balancedConfig(JSON.stringify({ loadBalancingConfig }))).toBeUndefined();
});

test('one that grpc-js would drop without a word is an error', () => {
  const outlier = { interval: '1s', child_policy: [{ round_robin: {} }] };
  const loadBalancingConfig = [{ of_tomorrow: {} }, { outlier_detection: outlier }];
  expect(() => balancedConfig(JSON.stringify({ loadBalancingConfig }))).toThrow(
    'grpc.service_config: no loadBalancingConfig can be used: ' +
      'Unrecognized load balancing config name of_tomorrow; ' +
      'outlier_detection: outlier detection config interval parse error: expected Duration, got string',
  );
});
