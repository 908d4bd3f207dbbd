import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
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

describe('a setting whose value may be in a file', () => {
  let folder: string;
  const url: Setting<string> = {
    flag: 'url',
    variable: 'URL',
    fileVariable: 'URL_FILE',
    isSecret: true,
    default: 'none',
    help: 'where it is',
    schema: z.string().refine((text) => !text.includes('bad'), 'expected something else'),
  };
  const parse = (argv: readonly string[], env: Record<string, string>) =>
    parseSettings({ url }, { argv, env }).url;
  const write = (text: string) => {
    const file = path.join(folder, 'url');
    writeFileSync(file, text);
    return file;
  };

  beforeAll(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'movies-settings-'));
  });

  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  it('is read from there, without the new line at its end', () => {
    expect(parse([], { URL_FILE: write('in the file\n') })).toBe('in the file');
    expect(parse(['--url', 'flag'], { URL_FILE: write('in the file') })).toBe('flag');
    expect(parse([], { URL_FILE: '' })).toBe('none');
  });

  it('is not taken from two places', () => {
    expect(() => parse([], { URL: 'secret', URL_FILE: '/secret' })).toThrow(
      /^The configuration cannot be used:\n {2}URL and URL_FILE are both set: one of them is to go\n/,
    );
  });

  it('is a fault where the file cannot be read', () => {
    expect(() => parse([], { URL_FILE: '/no/such' })).toThrow(
      'URL_FILE: cannot read the file: ENOENT',
    );
  });

  it('is shown by no message', () => {
    const message = (argv: string[], env: Record<string, string>) => {
      try {
        parse(argv, env);
      } catch (error: unknown) {
        return (error as Error).message.split('\n')[1];
      }
      return undefined;
    };
    const file = write('bad secret');
    expect(message(['--url', 'bad secret'], {})).toBe('  --url: expected something else');
    expect(message([], { URL: 'bad secret' })).toBe('  URL: expected something else');
    expect(message([], { URL_FILE: file })).toBe(
      `  the file of URL_FILE, ${file}: expected something else`,
    );
  });

  it('has a line of its own in the help', () => {
    expect(helpText('thing', { url })).toContain(
      '  --url, URL  where it is [none]\n  URL_FILE    the same, in a file: instead of URL\n',
    );
  });
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
