import { parseArgs } from 'node:util';
import type * as z from 'zod';
import { ConfigError } from './config-error';

/** One thing a user can set: by flag, else by environment variable, else the default. */
export interface Setting<T> {
  /** Without the dashes; absent where only the environment sets it. */
  readonly flag?: string;
  readonly variable: string;
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
    const fromFlag = setting.flag === undefined ? undefined : flags.get(setting.flag);
    // An empty variable is an unset one: that is all a shell, or a manifest, can often do.
    const fromEnv = env[setting.variable] === '' ? undefined : env[setting.variable];
    const text = fromFlag ?? fromEnv ?? setting.default;
    const source = fromFlag === undefined ? setting.variable : `--${setting.flag ?? ''}`;
    const parsed = setting.schema.safeParse(text);
    if (parsed.success) values[name] = parsed.data;
    else faults.push(...parsed.error.issues.map(({ message }) => describe(source, text, message)));
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
  const rows = Object.values(settings).map((setting): [string, string] => {
    const flag = setting.flag === undefined ? '' : `--${setting.flag}, `;
    const fallback = setting.default === undefined ? '' : ` [${setting.default}]`;
    return [`${flag}${setting.variable}`, `${setting.help}${fallback}`];
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

function describe(source: string, text: string | undefined, message: string): string {
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
