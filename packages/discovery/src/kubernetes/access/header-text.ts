import type { KubeconfigEntry } from './kubeconfig-entry';

/** A header's value in UTF-8, as Go sends it. Throws a `SourceFailure` for what no header can hold. */
export function checkedHeader(entry: KubeconfigEntry, name: string, value: string): string {
  const bytes = Buffer.from(value).toString('latin1');
  // eslint-disable-next-line no-control-regex -- these are what is looked for
  if (/[\0-\x08\x0a-\x1f\x7f]/.test(bytes)) {
    throw entry.refuse(`has a value for the header ${name} with a line break or control character`);
  }
  return bytes;
}
