import { MemoryRegistry } from '@movies/discovery/memory';
import type { ServiceConfig } from '../service-settings';

/** A configuration for tests: a free port on loopback, a registry of its own, no log. */
export function testConfig(overrides: Partial<ServiceConfig> = {}): ServiceConfig {
  const registry = new MemoryRegistry();
  return {
    port: 0,
    host: '127.0.0.1',
    advertise: undefined,
    registry: { registry, registrar: registry },
    zone: undefined,
    logLevel: 'silent',
    logFormat: 'json',
    requestTimeoutMs: 2000,
    shutdownDelayMs: 0,
    shutdownTimeoutMs: 2000,
    ...overrides,
  };
}
