import { createInstance, type Instance } from '@movies/discovery';
import { SourceFailure, WatchedRegistry, type Sink } from '@movies/discovery/adapter';
import { ServiceClient } from '@movies/service-client';
import { Metrics } from './metrics';

const instance = (id: string, state: Instance['state'] = 'ready') =>
  createInstance({ id, service: 'rating', host: '127.0.0.1', port: 1, state });

let sink: Sink;
let registry: WatchedRegistry;
let client: ServiceClient;
let metrics: Metrics;

beforeEach(() => {
  registry = new WatchedRegistry({
    name: 'told',
    open: (_target, opened) => {
      sink = opened;
      return { turn: () => Promise.resolve(Infinity) };
    },
  });
  client = new ServiceClient({ service: 'rating', registry });
  metrics = new Metrics();
  metrics.follow(client);
});

afterEach(async () => {
  await client.close();
  await registry.close();
});

async function samples(name: string): Promise<string[]> {
  const text = await metrics.text();
  return text.split('\n').filter((line) => line.startsWith(`${name}{`));
}

it('counts instances by state', async () => {
  sink.publish([
    instance('a'),
    instance('b'),
    instance('c', 'draining'),
    instance('d', 'not_ready'),
  ]);
  expect(await samples('discovery_instances')).toEqual([
    'discovery_instances{service="rating",state="ready"} 2',
    'discovery_instances{service="rating",state="draining"} 1',
    'discovery_instances{service="rating",state="not_ready"} 1',
    'discovery_instances{service="rating",state="ejected"} 0',
  ]);
});

it('has no age before the set is known', async () => {
  expect(await samples('discovery_snapshot_age_seconds')).toEqual([]);
  sink.publish([]);
  expect(await samples('discovery_snapshot_age_seconds')).toHaveLength(1);
});

it('counts failures by reason, each once however often it is read', async () => {
  sink.fail(new SourceFailure('unreachable', 'gone'));
  await metrics.text();
  expect(await samples('discovery_failures_total')).toEqual([
    'discovery_failures_total{service="rating",reason="unreachable"} 1',
  ]);
});

it('tells why a set fails or is empty, as long as it does', async () => {
  sink.publish([], { emptyBecause: 'nobody made a Service' });
  expect(await samples('discovery_concern')).toEqual([
    `discovery_concern{service="rating",concern="there is no instance of 'rating': nobody made a Service"} 1`,
  ]);
  sink.fail(new SourceFailure('refused', 'forbidden', { reason: 'http_403' }));
  expect(await samples('discovery_concern')).toEqual([
    `discovery_concern{service="rating",concern="watching 'rating': forbidden"} 1`,
  ]);
  sink.publish([instance('a')]);
  expect(await samples('discovery_concern')).toEqual([]);
});

it('drops the series of an instance when it is gone, and keeps those of the others', async () => {
  sink.publish([instance('a'), instance('b')]);
  for (const id of ['a', 'b']) {
    metrics.countAttempt({ instance: instance(id), outcome: 'ok', durationMs: 1 });
    metrics.countAttempt({ instance: instance(id), outcome: 'reset', durationMs: 1 });
  }
  expect(await samples('upstream_attempts_total')).toHaveLength(4);
  sink.publish([instance('b')]);
  expect(await samples('upstream_attempts_total')).toEqual([
    'upstream_attempts_total{service="rating",upstream_instance="b",outcome="ok"} 1',
    'upstream_attempts_total{service="rating",upstream_instance="b",outcome="reset"} 1',
  ]);
});

it('tells how long queries take, by name and outcome', async () => {
  metrics.observeQuery({ query: 'rating-mean', outcome: 'ok', durationMs: 2 });
  metrics.observeQuery({ query: 'rating-mean', outcome: 'ok', durationMs: 6 });
  metrics.observeQuery({ query: 'rating-mean', outcome: 'database_timeout', durationMs: 500 });
  expect(await samples('database_query_duration_seconds_sum')).toEqual([
    'database_query_duration_seconds_sum{query="rating-mean",outcome="ok"} 0.008',
    'database_query_duration_seconds_sum{query="rating-mean",outcome="database_timeout"} 0.5',
  ]);
  expect(await samples('database_query_duration_seconds_count')).toEqual([
    'database_query_duration_seconds_count{query="rating-mean",outcome="ok"} 2',
    'database_query_duration_seconds_count{query="rating-mean",outcome="database_timeout"} 1',
  ]);
});
