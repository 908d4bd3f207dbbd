import { execFile, type ExecFileException } from 'node:child_process';
import path from 'node:path';
import { promisify, stripVTControlCharacters } from 'node:util';
import { LimitedSignal, type Clock } from '@movies/time';
import { codeOf } from '../../adapter/message-of';
import { SourceFailure } from '../../adapter/source-failure';
import type { Credential } from './credential-cache';
import { bearer } from './headers';
import type { KubeconfigEntry } from './kubeconfig-entry';

type Environment = Readonly<Record<string, string | undefined>>;

const runMs = 60_000;
const maxComplaint = 500;
const maxOutputBytes = 1024 * 1024;
const versions = ['client.authentication.k8s.io/v1', 'client.authentication.k8s.io/v1beta1'];

/** Of the plug-in of one user. */
export interface ExecPluginOptions {
  /** With the field `exec`. */
  readonly user: KubeconfigEntry;
  /** The cluster as a plug-in with `provideClusterInfo` sees it. */
  readonly clusterInfo: () => Promise<Readonly<Record<string, unknown>>>;
  /** What the plug-in gets beside the variables of its own. */
  readonly env: Environment;
  readonly clock: Clock;
}

/**
 * The credential plug-in of a user (https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins).
 * It gets no standard input, and a minute for each run. Throws a `SourceFailure` for settings that are wrong; each run
 * rejects with one that says what the plug-in complains of.
 */
export function execPlugin(
  options: ExecPluginOptions,
): (signal: AbortSignal) => Promise<Credential> {
  const settings = settingsOf(options.user);
  return (signal) => run(options, settings, signal);
}

async function run(
  { clock, env, user, clusterInfo }: ExecPluginOptions,
  { command, args, variables, apiVersion, provideClusterInfo, installHint }: Settings,
  signal: AbortSignal,
): Promise<Credential> {
  const info = {
    kind: 'ExecCredential',
    apiVersion,
    spec: { interactive: false, ...(provideClusterInfo && { cluster: await clusterInfo() }) },
  };
  using limited = new LimitedSignal(signal, runMs, clock);
  try {
    const running = promisify(execFile)(command, args, {
      env: { ...env, ...variables, KUBERNETES_EXEC_INFO: JSON.stringify(info) },
      encoding: 'utf8',
      maxBuffer: maxOutputBytes,
      signal: limited.signal,
      // One that ignores a polite signal would outlive its minute, and this program.
      killSignal: 'SIGKILL',
    });
    // One that reads nevertheless finds the end.
    running.child.stdin?.end();
    return parse(user, apiVersion, (await running).stdout);
  } catch (cause: unknown) {
    if (cause instanceof SourceFailure) throw cause;
    const plugin = `has an exec plug-in '${command}'`;
    // Without the cause, which has the arguments and what was printed: a secret may be in both.
    if (limited.timedOut) {
      throw user.refuse(`${plugin} that does not end within ${runMs / 1000} s`);
    }
    if (codeOf(cause) === 'ENOENT') {
      throw user.refuse(`${plugin} that is not installed${hint(installHint)}`);
    }
    throw user.refuse(`${plugin} that failed: ${complaintOf(cause)}`);
  }
}

interface Settings {
  readonly command: string;
  readonly args: readonly string[];
  readonly variables: Environment;
  readonly apiVersion: string;
  readonly provideClusterInfo: boolean;
  readonly installHint: string | undefined;
}

function settingsOf(user: KubeconfigEntry): Settings {
  const exec = user.entry('exec');
  const command = exec?.text('command');
  if (exec === undefined || command === undefined) {
    throw user.refuse('has an exec plug-in without a command');
  }
  const apiVersion = exec.text('apiVersion') ?? '';
  if (!versions.includes(apiVersion)) {
    throw exec.refuse(`has the apiVersion '${apiVersion}': it must be ${versions.join(' or ')}`);
  }
  checkInteractiveMode(exec, apiVersion);
  return {
    // Without a folder in its name it is looked for on the PATH.
    command: command.includes(path.sep) ? (exec.path('command') ?? command) : command,
    args: exec.texts('args'),
    variables: Object.fromEntries(
      exec.entries('env').map((variable) => {
        const name = variable.text('name');
        if (name === undefined) throw variable.refuse('has no name');
        return [name, variable.text('value') ?? ''];
      }),
    ),
    apiVersion,
    provideClusterInfo: exec.flag('provideClusterInfo'),
    installHint: exec.text('installHint'),
  };
}

/** A program's standard input is its own, so a plug-in gets none. */
function checkInteractiveMode(exec: KubeconfigEntry, apiVersion: string): void {
  const mode = exec.text('interactiveMode') ?? (apiVersion === versions[1] ? 'IfAvailable' : '');
  if (mode === 'Never' || mode === 'IfAvailable') return;
  throw exec.refuse(
    mode === 'Always'
      ? 'has the interactiveMode Always, and this program has no standard input for it: use a plug-in that asks nothing'
      : `has the interactiveMode '${mode}': it must be Never or IfAvailable`,
  );
}

/** What it said on standard error, without sequences for a terminal; else how it ended. */
function complaintOf(cause: unknown): string {
  const { stderr = '', code, signal } = cause as Partial<ExecFileException> & { stderr?: string };
  const said = stripVTControlCharacters(stderr).trim().slice(0, maxComplaint);
  return said === '' ? `it ended with ${String(code ?? signal ?? 'an error')}` : said;
}

function hint(installHint: string | undefined): string {
  // No sequence for a terminal gets through.
  return installHint === undefined ? '' : `: ${stripVTControlCharacters(installHint)}`;
}

interface Answer {
  readonly kind?: unknown;
  readonly apiVersion?: unknown;
  readonly status?: {
    readonly token?: string;
    readonly clientCertificateData?: string;
    readonly clientKeyData?: string;
    readonly expirationTimestamp?: string;
  } | null;
}

function parse(user: KubeconfigEntry, apiVersion: string, output: string): Credential {
  const refuse = (reason: string) => user.refuse(`has an exec plug-in that ${reason}`);
  let answer: Answer | null;
  try {
    answer = JSON.parse(output) as Answer | null;
  } catch {
    throw refuse('prints no JSON');
  }
  if (answer?.kind !== 'ExecCredential' || answer.apiVersion !== apiVersion) {
    const is = `${String(answer?.kind)} of ${String(answer?.apiVersion)}`;
    throw refuse(`prints a ${is}, not an ExecCredential of ${apiVersion}`);
  }
  const { token, clientCertificateData, clientKeyData, expirationTimestamp } = answer.status ?? {};
  const cert = emptyAsAbsent(clientCertificateData);
  const key = emptyAsAbsent(clientKeyData);
  if ((cert === undefined) !== (key === undefined)) {
    throw refuse('prints only one of certificate and key');
  }
  if (!token && cert === undefined) throw refuse('prints neither a token nor a certificate');
  const expiresAt = expirationTimestamp ? Date.parse(expirationTimestamp) : Infinity;
  if (Number.isNaN(expiresAt)) {
    throw refuse(`prints the expirationTimestamp '${expirationTimestamp ?? ''}', which is no time`);
  }
  return {
    headers: token
      ? { authorization: bearer(token, (reason) => refuse(`prints a token that ${reason}`)) }
      : {},
    tls: cert === undefined || key === undefined ? {} : { cert, key },
    expiresAt,
  };
}

function emptyAsAbsent(text: string | undefined): string | undefined {
  return text === '' ? undefined : text;
}
