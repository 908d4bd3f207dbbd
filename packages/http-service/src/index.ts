export type { LateService } from './all-ready';
export { ConfigError } from './config-error';
export type { ServiceRouter, ServiceState } from './create-app';
export { readJsonBody } from './json-body';
export { parseInput, parseQueryAndBody } from './parse-input';
export type { RequestContext } from './request-context';
export { RequestError, type InputFault, type RequestErrorCode } from './request-error';
export { runProcess, type ProcessDefinition } from './run-process';
export { runService, type ServiceProgram } from './run-service';
export { commonSettings, portSchema, type ServiceConfig } from './service-settings';
export {
  helpText,
  parseSettings,
  wantsHelp,
  type Setting,
  type Settings,
  type SettingValues,
} from './settings';
export {
  startService,
  type RunningService,
  type ServiceClients,
  type ServiceDefinition,
} from './start-service';
export { exitCodeOf, onStopSignal } from './stop-signals';
export type { Store } from './store';
