import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import type * as z from 'zod';
import { ConfigError } from './config-error';

/** One thing a user can set: by flag, else by environment variable, else the default. */
export interface Setting<T> {
  /** Without the dashes; absent where only the environment sets it. */
  readonly flag?: string;
  readonly variable: string;
  /** Names a file that holds the value, as a mounted Secret is one; instead of the variable. */
  readonly fileVariable?: string;
  /** A value that no message may show any of. */
  readonly isSecret?: boolean;
  /** Text as a user would write it. Absent: the setting may stay unset. */
  readonly default?: string;
  /** One line for `--help`. */
  readonly help: string;
  readonly schema: z.ZodType<T, string | undefined>;
}

export type Settings = Readonly<Record<string, Setting<unknown>>>;

export type SettingValues<S extends Settings> = {
  readonly [K in keyof S]: S[K] extends Setting<infer T> ? T : never;
};

export interface SettingSources {
  /** Arguments after the script's name. */
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** Reads all settings. Throws `ConfigError` that names every bad value, unknown flag and stray word. */
export function parseSettings<S extends Settings>(
  settings: S,
  { argv, env }: SettingSources,
): SettingValues<S> {
  const faults: string[] = [];
  const flags = parseFlags(settings, argv, faults);
  const values: Record<string, unknown> = {};
  for (const [name, setting] of Object.entries(settings)) {
    const given = readValue(setting, flags, env, faults);
    if (given === undefined) continue;
    const parsed = setting.schema.safeParse(given.text);
    if (parsed.success) values[name] = parsed.data;
    else faults.push(...parsed.error.issues.map(({ message }) => describe(given, message)));
  }
  if (faults.length > 0) throw new ConfigError([...faults, '--help lists every setting']);
  return values as SettingValues<S>;
}

/** Whether the arguments ask for help. */
export function wantsHelp(argv: readonly string[]): boolean {
  return argv.includes('--help') || argv.includes('-h');
}

/** The text of `--help`. */
export function helpText(usage: string, settings: Settings): string {
  const rows = Object.values(settings).flatMap((setting): [string, string][] => {
    const flag = setting.flag === undefined ? '' : `--${setting.flag}, `;
    const fallback = setting.default === undefined ? '' : ` [${setting.default}]`;
    const row: [string, string] = [`${flag}${setting.variable}`, `${setting.help}${fallback}`];
    if (setting.fileVariable === undefined) return [row];
    return [row, [setting.fileVariable, `the same, in a file: instead of ${setting.variable}`]];
  });
  rows.push(['--help', 'this text']);
  const width = Math.max(...rows.map(([name]) => name.length)) + 2;
  return [
    usage,
    '',
    'A flag wins over its environment variable; [the default] stands behind.',
    ...rows.map(([name, help]) => `  ${name.padEnd(width)}${help}`),
    '',
  ].join('\n');
}

/** A setting's text, and where it is from. */
interface GivenValue {
  readonly source: string;
  readonly text: string | undefined;
  readonly isSecret: boolean;
}

/** `undefined` if it cannot be told; why is in `faults` then. */
function readValue(
  setting: Setting<unknown>,
  flags: ReadonlyMap<string, string>,
  env: SettingSources['env'],
  faults: string[],
): GivenValue | undefined {
  const { flag, variable, fileVariable, isSecret = false } = setting;
  // An empty variable is an unset one: that is all a shell, or a manifest, can often do.
  const fromEnv = nonEmpty(env[variable]);
  const file = fileVariable === undefined ? undefined : nonEmpty(env[fileVariable]);
  if (fileVariable !== undefined && file !== undefined && fromEnv !== undefined) {
    faults.push(`${variable} and ${fileVariable} are both set: one of them is to go`);
    return undefined;
  }
  const fromFlag = flag === undefined ? undefined : flags.get(flag);
  if (fromFlag !== undefined) return { source: `--${flag ?? ''}`, text: fromFlag, isSecret };
  if (fileVariable === undefined || file === undefined) {
    return { source: variable, text: fromEnv ?? setting.default, isSecret };
  }
  try {
    // Editors and `echo` end a file with a new line that is not meant.
    const text = readFileSync(file, 'utf8').trim();
    return { source: `the file of ${fileVariable}, ${file}`, text, isSecret };
  } catch (error: unknown) {
    faults.push(`${fileVariable}: cannot read the file: ${(error as Error).message}`);
    return undefined;
  }
}

function nonEmpty(text: string | undefined): string | undefined {
  return text === '' ? undefined : text;
}

function describe({ source, text, isSecret }: GivenValue, message: string): string {
  if (isSecret) return `${source}: ${message}`;
  // A URL may hold a password; a message must not.
  const shown = text?.replace(/\/\/[^/@]*@/, '//***@');
  if (shown === undefined || message.includes(`'${shown}'`)) return `${source}: ${message}`;
  return `${source}: '${shown}': ${message}`;
}

function parseFlags(
  settings: Settings,
  argv: readonly string[],
  faults: string[],
): ReadonlyMap<string, string> {
  const known = new Set(Object.values(settings).flatMap(({ flag }) => flag ?? []));
  const { tokens } = parseArgs({
    args: [...argv],
    options: Object.fromEntries([...known].map((flag) => [flag, { type: 'string' as const }])),
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const flags = new Map<string, string>();
  for (const token of tokens) {
    if (token.kind === 'positional') faults.push(`'${token.value}' belongs to no flag`);
    if (token.kind !== 'option') continue;
    if (!known.has(token.name)) faults.push(`${token.rawName} is not a flag`);
    else if (token.value === undefined) faults.push(`${token.rawName} needs a value`);
    else flags.set(token.name, token.value);
  }
  return flags;
}
