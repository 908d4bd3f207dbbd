import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';
import type { YAMLParseError } from 'yaml';
import { codeOf } from '../../adapter/message-of';
import { unusable, KubeconfigEntry } from './kubeconfig-entry';

/** The kubeconfig files that are meant, by the rule of kubectl; they need not exist. */
export function kubeconfigFiles(env: Readonly<Record<string, string | undefined>>): string[] {
  const named = (env['KUBECONFIG'] ?? '').split(path.delimiter).filter((file) => file !== '');
  if (named.length > 0) return named;
  const home = env['HOME'] ?? homeOfUser();
  return home === undefined ? [] : [path.join(home, '.kube', 'config')];
}

/** `undefined` for a user that the system does not know, as some containers have. */
function homeOfUser(): string | undefined {
  try {
    return homedir();
  } catch {
    return undefined;
  }
}

const kinds = { clusters: 'cluster', users: 'user', contexts: 'context' } as const;

/** Several kubeconfig files as one. */
export class Kubeconfig {
  /** Those that exist. */
  readonly files: readonly string[];
  readonly #roots: readonly KubeconfigEntry[];

  constructor(roots: readonly KubeconfigEntry[]) {
    this.#roots = roots;
    this.files = roots.map(({ file }) => file);
  }

  /** That of the first file that names one. */
  get currentContext(): string | undefined {
    return this.#roots.map((root) => root.text('current-context')).find(Boolean);
  }

  get contexts(): readonly string[] {
    return [...new Set(this.#roots.flatMap((root) => namesOf(root, 'contexts')))];
  }

  /**
   * What a name means: the entry of the first file that has it, whole. An entry that is not asked for may hold
   * anything. Throws a `SourceFailure` where the name is twice in one file, as kubectl does.
   */
  find(kind: keyof typeof kinds, name: string): KubeconfigEntry | undefined {
    const root = this.#roots.find((each) => namesOf(each, kind).includes(name));
    if (root === undefined) return undefined;
    const [found, ...others] = listOf(root, kind).filter((each) => nameOf(each) === name);
    const what = `the ${kinds[kind]} '${name}'`;
    if (others.length > 0) throw unusable(root.file, `${what} is there twice: remove one`);
    const fields = (found as Readonly<Record<string, unknown>>)[kinds[kind]];
    return new KubeconfigEntry(root.file, what, fields);
  }
}

/**
 * Reads kubeconfig files as client-go's clientcmd does: what does not exist is left out, and what is empty is no
 * failure. Rejects with a `SourceFailure` that names the file that is no kubeconfig.
 */
export async function readKubeconfig(files: readonly string[]): Promise<Kubeconfig> {
  const roots = await Promise.all(files.map((file) => readRoot(path.resolve(file))));
  return new Kubeconfig(roots.filter((root) => root !== undefined));
}

async function readRoot(file: string): Promise<KubeconfigEntry | undefined> {
  let text: string;
  try {
    text = decode(await readFile(file));
  } catch (cause: unknown) {
    if (codeOf(cause) === 'ENOENT') return undefined;
    throw unusable(file, `it cannot be read (${codeOf(cause)})`, cause);
  }
  const root = new KubeconfigEntry(file, 'its content', await parse(file, text));
  const [kind, version] = [root.text('kind') ?? 'Config', root.text('apiVersion') ?? 'v1'];
  if (kind !== 'Config' || version !== 'v1') {
    throw unusable(file, `it is a ${kind} of ${version}, not a Config of v1`);
  }
  return root;
}

/** As the parser of client-go: in UTF-16 where a byte order mark says so, which PowerShell writes. */
function decode(content: Buffer): string {
  const mark = content.toString('hex', 0, 2);
  const encoding = mark === 'fffe' ? 'utf-16le' : mark === 'feff' ? 'utf-16be' : 'utf-8';
  return new TextDecoder(encoding).decode(content);
}

/** Loaded only here: `yaml` costs a program without a kubeconfig nothing. */
async function parse(file: string, text: string): Promise<unknown> {
  const { parseAllDocuments } = await import('yaml');
  try {
    // As the parser of client-go: YAML 1.1 without times, the last of several equal keys, the first of several documents.
    const [document] = parseAllDocuments(text, {
      version: '1.1',
      uniqueKeys: false,
      logLevel: 'silent',
      customTags: (tags) =>
        tags.filter(
          (tag) =>
            typeof tag === 'string' || !/timestamp|TIME/.test(`${tag.tag} ${tag.format ?? ''}`),
        ),
    });
    const [error] = document?.errors ?? [];
    if (error !== undefined) throw error;
    return document?.toJS();
  } catch (error: unknown) {
    // Only where and what: the message and the cause show the line, and a credential may stand in it.
    const { code, linePos, message } = error as Partial<YAMLParseError> & Error;
    const where = linePos === undefined ? '' : ` at line ${linePos[0].line}`;
    const isBomb = message.startsWith('Excessive alias count');
    const what = code ?? (isBomb ? 'too many aliases' : 'an alias that cannot be resolved');
    throw unusable(file, `it is not YAML${where} (${what})`);
  }
}

function listOf(root: KubeconfigEntry, kind: string): readonly unknown[] {
  const value = root.raw(kind) ?? [];
  if (!Array.isArray(value)) throw unusable(root.file, `its ${kind} are not a list`);
  return value as readonly unknown[];
}

function namesOf(root: KubeconfigEntry, kind: string): readonly string[] {
  return listOf(root, kind).flatMap((each) => nameOf(each) ?? []);
}

function nameOf(named: unknown): string | undefined {
  const name = (named as { readonly name?: unknown } | null)?.name;
  return typeof name === 'string' ? name : undefined;
}
