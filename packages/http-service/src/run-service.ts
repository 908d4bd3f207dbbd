import { runProcess } from './run-process';
import { serviceSettings, type ServiceConfig } from './service-settings';
import type { Settings, SettingValues } from './settings';
import { startService, type ServiceDefinition } from './start-service';

/** A service as a program of its own. */
export interface ServiceProgram<S extends Settings> {
  readonly name: string;
  readonly version: string;
  readonly defaultPort: number;
  /** What it can be told beside what every service can. */
  readonly settings: S;
  /** Makes the service of what it was told. */
  readonly create: (config: SettingValues<S> & ServiceConfig) => ServiceDefinition;
}

/** Runs one service as this process. */
export function runService<S extends Settings>(program: ServiceProgram<S>): Promise<void> {
  const { name, version, defaultPort, settings, create } = program;
  return runProcess({
    usage: `${name} ${version}: one of the Movies services`,
    settings: { ...serviceSettings(defaultPort), ...settings },
    services: (values) => {
      const config = values as SettingValues<S> & ServiceConfig;
      return [async () => startService(create(config), config)];
    },
    onLate: ([late], [service]) => {
      if (late !== undefined) service?.logger.warn(`not ready yet: ${late.reason}`);
    },
    release: ({ registry }: ServiceConfig) => registry.registry.close(),
  });
}
