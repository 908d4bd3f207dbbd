import * as z from 'zod';
import { ConfigError } from './config-error';
import { helpText, parseSettings, type Setting } from './settings';

const port: Setting<number> = {
  flag: 'port',
  variable: 'PORT',
  default: '80',
  help: 'port to listen on',
  schema: z.string().regex(/^\d+$/, 'expected a number').transform(Number),
};
const zone: Setting<string | undefined> = {
  variable: 'ZONE',
  help: 'failure zone',
  schema: z.string().optional(),
};
const settings = { port, zone };

function faultsOf(argv: readonly string[], env: Record<string, string> = {}): readonly string[] {
  try {
    parseSettings(settings, { argv, env });
  } catch (error: unknown) {
    if (error instanceof ConfigError) return error.faults;
    throw error;
  }
  return [];
}

it('takes a flag before the environment, and that before the default', () => {
  const env = { PORT: '90' };
  expect(parseSettings(settings, { argv: ['--port', '100'], env }).port).toBe(100);
  expect(parseSettings(settings, { argv: ['--port=100'], env }).port).toBe(100);
  expect(parseSettings(settings, { argv: [], env }).port).toBe(90);
  expect(parseSettings(settings, { argv: [], env: {} })).toEqual({ port: 80, zone: undefined });
});

it('takes an empty variable for an unset one', () => {
  expect(parseSettings(settings, { argv: [], env: { PORT: '' } }).port).toBe(80);
});

it('names every fault at once, and where it came from', () => {
  expect(faultsOf(['--bogus', '--port', 'x', 'stray'])).toEqual([
    '--bogus is not a flag',
    "'stray' belongs to no flag",
    "--port: 'x': expected a number",
    '--help lists every setting',
  ]);
  expect(faultsOf([], { PORT: 'y' })[0]).toBe("PORT: 'y': expected a number");
});

it('says that a flag without its value needs one', () => {
  expect(faultsOf(['--port'])).toContain('--port needs a value');
});

it('hides a password in a value', () => {
  expect(faultsOf([], { PORT: 'http://me:secret@host' }).join()).not.toContain('secret');
});

it('lists every setting with its default in the help', () => {
  expect(helpText('thing: does it', settings)).toBe(
    [
      'thing: does it',
      '',
      'A flag wins over its environment variable; [the default] stands behind.',
      '  --port, PORT  port to listen on [80]',
      '  ZONE          failure zone',
      '  --help        this text',
      '',
    ].join('\n'),
  );
});
