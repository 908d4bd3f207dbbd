import { runProcess } from './run-process';
import { serviceSettings } from './service-settings';
import { startService, type ServiceDefinition } from './start-service';

/** Runs one service as this process. */
export function runService(definition: ServiceDefinition, defaultPort: number): Promise<void> {
  return runProcess({
    usage: `${definition.name} ${definition.version}: one of the Movies services`,
    settings: serviceSettings(defaultPort),
    services: (config) => [() => startService(definition, config)],
    release: ({ registry }) => registry.registry.close(),
  });
}
