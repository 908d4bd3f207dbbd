import { SourceFailure } from '../../adapter/source-failure';

/** The failure of a configuration that cannot be used: the message names the file, the thing and the remedy. */
export function noConfig(message: string, cause?: unknown): SourceFailure {
  return new SourceFailure('unreachable', message, { reason: 'no_config', cause });
}

/** The same, of a kubeconfig. */
export function unusable(file: string, reason: string, cause?: unknown): SourceFailure {
  return noConfig(`the kubeconfig ${file} cannot be used: ${reason}`, cause);
}

/** The code of a failed system call, as `ENOENT`. */
export function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? 'unknown error';
}
