import { KubeFailure } from '../api-server/kube-failure';

/** The failure of a configuration that cannot be used: the message names the file, the thing and the remedy. */
export function noConfig(message: string, cause?: unknown): KubeFailure {
  return new KubeFailure('unreachable', message, { reason: 'no_config', cause });
}

/** The same, of a kubeconfig. */
export function unusable(file: string, reason: string, cause?: unknown): KubeFailure {
  return noConfig(`the kubeconfig ${file} cannot be used: ${reason}`, cause);
}

/** The code of a failed system call, as `ENOENT`. */
export function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? 'unknown error';
}
