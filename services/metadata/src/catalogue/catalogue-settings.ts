import type { Setting } from '@movies/http-service';
import * as z from 'zod';
import { recordFormats, type RecordFormatName } from './record-formats';

const formatNames = Object.keys(recordFormats) as RecordFormatName[];

function setting<T>(value: Setting<T>): Setting<T> {
  return value;
}

/** What an import can be told. */
export const catalogueSettings = {
  catalogue: setting({
    flag: 'catalogue',
    variable: 'CATALOGUE',
    help: 'JSON Lines or a JSON array: a file, or - for standard input',
    schema: z.string({ error: 'is missing: name a file, or - for standard input' }),
  }),
  url: setting({
    flag: 'url',
    variable: 'URL',
    default: 'http://localhost:8081',
    help: 'where the metadata service is',
    schema: z
      .string()
      .refine(isOrigin, 'expected http://host:port')
      .transform((text) => new URL(text).origin),
  }),
  format: setting({
    flag: 'format',
    variable: 'FORMAT',
    default: 'movies',
    help: `what the records are: ${formatNames.join(' or ')}`,
    schema: z
      .enum(formatNames, { error: `expected ${formatNames.join(' or ')}` })
      .transform((name) => recordFormats[name]),
  }),
  maxRejected: setting({
    flag: 'max-rejected',
    variable: 'MAX_REJECTED',
    default: '0',
    help: 'how many records may be rejected before the exit code is 1; all others are imported in any case',
    schema: z
      .string()
      .regex(/^\d{1,15}$/, 'expected a whole number')
      .transform(Number),
  }),
};

/** `http:` or `https:`, a host, maybe a port; nothing that would have to be dropped or kept secret. */
function isOrigin(text: string): boolean {
  const url = URL.parse(text);
  return url !== null && /^https?:$/.test(url.protocol) && `${url.origin}/` === url.href;
}
