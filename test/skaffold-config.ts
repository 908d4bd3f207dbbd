import { readFileSync } from 'node:fs';
import path from 'node:path';
import { parse } from 'yaml';

const root = path.resolve(__dirname, '..');

/** What skaffold.yaml says, as far as tests read it. */
export interface SkaffoldConfig {
  readonly build: { readonly artifacts: readonly Artifact[] };
  readonly manifests: {
    readonly kustomize: { readonly paths: readonly string[] };
    readonly hooks?: { readonly after: readonly { readonly host: PostRenderHook }[] };
  };
  readonly deploy: {
    readonly statusCheckDeadlineSeconds: number;
    readonly tolerateFailuresUntilDeadline: boolean;
  };
  readonly portForward: readonly PortForward[];
  readonly profiles: readonly Profile[];
}

export interface Artifact {
  readonly image: string;
  readonly docker: {
    readonly target?: string;
    readonly buildArgs: Readonly<Record<string, string>>;
  };
  readonly sync?: { readonly manual: readonly SyncRule[] };
}

export interface SyncRule {
  readonly src: string;
  readonly dest: string;
  readonly strip?: string;
}

export interface PostRenderHook {
  readonly command: readonly [string, ...string[]];
  readonly dir: string;
  readonly withChange: boolean;
}

export interface PortForward {
  readonly resourceType: string;
  readonly resourceName: string;
  readonly namespace: string;
  readonly port: number;
  readonly localPort: number;
}

type Section = Readonly<Record<string, unknown>>;

export interface Profile {
  readonly name: string;
  readonly activation?: readonly Section[];
  readonly [section: string]: unknown;
}

/** skaffold.yaml, unchecked. */
export function parseSkaffoldYaml(): unknown {
  return parse(readFileSync(path.join(root, 'skaffold.yaml'), 'utf8'));
}

/** With profiles, in the order in which Skaffold takes them: a field in one replaces the field before it. Without patches. */
export function skaffoldConfig(...profiles: readonly string[]): SkaffoldConfig {
  const base = parseSkaffoldYaml() as SkaffoldConfig;
  return profiles.reduce<SkaffoldConfig>((config, name) => {
    const profile = config.profiles.find((one) => one.name === name);
    if (profile === undefined) throw new Error(`skaffold.yaml has no profile '${name}'`);
    return overlay(config, profile);
  }, base);
}

function overlay(config: SkaffoldConfig, profile: Profile): SkaffoldConfig {
  const merged: Record<string, unknown> = { ...config };
  for (const [key, section] of Object.entries(profile)) {
    if (['name', 'activation', 'patches'].includes(key)) continue;
    merged[key] = Array.isArray(section)
      ? section
      : { ...(merged[key] as Section), ...(section as Section) };
  }
  return merged as unknown as SkaffoldConfig;
}

/** A template of Skaffold, in the one form that skaffold.yaml has: a variable, or what stands for it. */
export function expandTemplate(template: string, environment: Environment): string {
  const form = /^\{\{or \(index \. "(\w+)"\) "([^"]*)"\}\}$/.exec(template);
  if (form === null) throw new Error(`skaffold.yaml has a template of another form: ${template}`);
  const [, name = '', otherwise = ''] = form;
  const value = environment[name] ?? '';
  return value === '' ? otherwise : value;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Where a file goes in the containers of an image; nowhere if no rule is for it, and the image is built anew. */
export function syncDestinations({ sync }: Artifact, file: string): string[] {
  return (sync?.manual ?? [])
    .filter(({ src }) => path.matchesGlob(file, src))
    .map(({ dest, strip = '' }) =>
      path.posix.join(dest, file.startsWith(strip) ? file.slice(strip.length) : file),
    );
}

/** Objects after the hooks that change what was rendered. */
export async function runPostRenderHooks(
  { manifests }: SkaffoldConfig,
  objects: string,
  run: (command: readonly [string, ...string[]], input: string) => Promise<string>,
): Promise<string> {
  let text = objects;
  for (const { host } of manifests.hooks?.after ?? []) text = await run(host.command, text);
  return text;
}
