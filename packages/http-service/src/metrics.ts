import { instancesOf, type ServiceWatch } from '@movies/discovery';
import type { Attempt, ServiceClient } from '@movies/service-client';
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import { discoveryConcern } from './discovery-concern';

const instanceStates = ['ready', 'draining', 'not_ready'] as const;

/** A query of a database that has ended. */
export interface QueryEnd {
  readonly query: string;
  readonly outcome: string;
  readonly durationMs: number;
}

/** What Prometheus reads at `/metrics`; one a service, also when several share a process. */
export class Metrics {
  readonly #registry = new Registry();
  readonly #clients: ServiceClient[] = [];
  readonly #duration = new Histogram({
    name: 'http_server_request_duration_seconds',
    help: 'Duration of requests, by method, route and status.',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5],
    registers: [this.#registry],
  });
  readonly #queryDuration = new Histogram({
    name: 'database_query_duration_seconds',
    help: 'Duration of database queries, waiting for a connection included, by query and outcome.',
    labelNames: ['query', 'outcome'],
    buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5],
    registers: [this.#registry],
  });
  readonly #attempts = new Counter({
    name: 'upstream_attempts_total',
    help: 'Attempts to call another service, by instance and outcome.',
    labelNames: ['service', 'upstream_instance', 'outcome'],
    registers: [this.#registry],
  });
  readonly #instances = new Gauge({
    name: 'discovery_instances',
    help: 'Known instances of a service, by state; ejected ones are ready ones set aside.',
    labelNames: ['service', 'state'],
    registers: [this.#registry],
  });
  readonly #age = new Gauge({
    name: 'discovery_snapshot_age_seconds',
    help: 'Seconds since the registry confirmed the set of a service.',
    labelNames: ['service'],
    registers: [this.#registry],
  });
  readonly #failures = new Counter({
    name: 'discovery_failures_total',
    help: 'How often the registry could not be followed for a service, by reason.',
    labelNames: ['service', 'reason'],
    registers: [this.#registry],
  });
  readonly #concern = new Gauge({
    name: 'discovery_concern',
    help: 'What is not well about the set of a service, in words; no series when all is.',
    labelNames: ['service', 'concern'],
    registers: [this.#registry],
  });

  constructor() {
    collectDefaultMetrics({ register: this.#registry });
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  /** Follows a client's watched set; the series of instances that are gone go too. */
  follow(client: ServiceClient): void {
    this.#clients.push(client);
  }

  observeRequest(method: string, route: string, status: number, seconds: number): void {
    this.#duration.observe({ method, route, status }, seconds);
  }

  observeQuery({ query, outcome, durationMs }: QueryEnd): void {
    this.#queryDuration.observe({ query, outcome }, durationMs / 1000);
  }

  countAttempt({ instance, outcome }: Attempt): void {
    this.#attempts.inc({ service: instance.service, upstream_instance: instance.id, outcome });
  }

  /** The exposition text. */
  async text(): Promise<string> {
    this.#failures.reset();
    this.#concern.reset();
    for (const client of this.#clients) this.#readWatch(client.watch, client.ejected);
    await this.#forgetGoneInstances();
    return this.#registry.metrics();
  }

  #readWatch(watch: ServiceWatch, ejected: number): void {
    const { service, ageMs, failures } = watch;
    const concern = discoveryConcern(watch);
    if (concern !== undefined) this.#concern.set({ service, concern }, 1);
    for (const state of instanceStates) {
      const count = instancesOf(watch.view).filter((instance) => instance.state === state).length;
      this.#instances.set({ service, state }, count);
    }
    this.#instances.set({ service, state: 'ejected' }, ejected);
    if (ageMs === undefined) this.#age.remove({ service });
    else this.#age.set({ service }, ageMs / 1000);
    for (const [reason, count] of failures) this.#failures.inc({ service, reason }, count);
  }

  async #forgetGoneInstances(): Promise<void> {
    const known = new Set(
      this.#clients.flatMap(({ watch }) =>
        instancesOf(watch.view).map(({ service, id }) => `${service} ${id}`),
      ),
    );
    const { values } = await this.#attempts.get();
    for (const { labels } of values) {
      const { service = '', upstream_instance: id = '' } = labels;
      if (!known.has(`${service} ${id}`)) this.#attempts.remove(labels);
    }
  }
}
