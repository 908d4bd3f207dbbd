export { ScriptedServer } from './scripted-server';
export { testConfig } from './test-config';
