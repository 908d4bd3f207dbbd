import type { Dispatcher } from 'undici';

export type HeaderPair = readonly [name: string, value: string | string[] | undefined];

/** Headers in any form that undici takes, as pairs in their order. */
export function headerPairs(headers: Dispatcher.DispatchOptions['headers']): HeaderPair[] {
  if (headers === null || headers === undefined) return [];
  if (Array.isArray(headers)) {
    // undici takes a list as names and values in turn.
    const flat = headers as readonly (string | string[])[];
    return Array.from({ length: Math.floor(flat.length / 2) }, (_, i) => [
      String(flat[2 * i]),
      flat[2 * i + 1],
    ]);
  }
  if (Symbol.iterator in headers && typeof headers[Symbol.iterator] === 'function') {
    return [...(headers as Iterable<HeaderPair>)];
  }
  return Object.entries(headers as Record<string, string | string[] | undefined>);
}

/** As undici takes a list: names and values in turn. */
export function flatHeaders(pairs: readonly HeaderPair[]): string[] {
  return pairs.flat(1) as string[];
}

/** The first value of a header, by its name in lower case. */
export function headerOf(pairs: readonly HeaderPair[], name: string): string | undefined {
  const value = pairs.find(([each]) => each.toLowerCase() === name)?.[1];
  return Array.isArray(value) ? value[0] : value;
}
