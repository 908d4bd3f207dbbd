import { inspect } from 'node:util';
import { DiscoveryError } from '../discovery-error';
import { messageOf } from './message-of';

/** Runs the check of an option, and returns what it does; what it throws becomes `invalid_options`. */
export function checkOption<T>(check: () => T): T {
  try {
    return check();
  } catch (error: unknown) {
    throw new DiscoveryError('invalid_options', messageOf(error), { cause: error });
  }
}

/** What an option may be. */
export interface OptionForm {
  readonly allows: (value: unknown) => boolean;
  /** In words, after "expected". */
  readonly expected: string;
}

const isText = (value: unknown) => typeof value === 'string' && value.trim() !== '';
const isObject = (value: unknown) =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isFunction = (value: unknown) => typeof value === 'function';
const hasFunctions = (value: unknown, ...names: readonly string[]) =>
  isObject(value) && names.every((name) => isFunction((value as Record<string, unknown>)[name]));

export const textForm: OptionForm = { allows: isText, expected: 'a text that is not blank' };
export const textsForm: OptionForm = {
  allows: (value) => Array.isArray(value) && value.every(isText),
  expected: 'a list of texts that are not blank',
};
export const listForm: OptionForm = { allows: Array.isArray, expected: 'a list' };
export const functionForm: OptionForm = { allows: isFunction, expected: 'a function' };

/** An object with these functions. */
export function objectForm(...functions: readonly string[]): OptionForm {
  const names = functions.map((name) => `'${name}'`).join(', ');
  return {
    allows: (value) => hasFunctions(value, ...functions),
    expected: names === '' ? 'an object' : `an object with ${names}`,
  };
}

/**
 * Plain JavaScript knows no types, and a wrong one would fail much later, or nowhere. Throws `invalid_options` for the
 * first option that is given, or required, and not of its form; names the option, its value and what is expected.
 */
export function checkForms(
  options: unknown,
  forms: Readonly<Record<string, OptionForm>>,
  required: readonly string[] = [],
): void {
  if (!isObject(options)) throw unfit('the options are', options, 'an object');
  for (const [name, form] of Object.entries(forms)) {
    const value = (options as Readonly<Record<string, unknown>>)[name];
    if ((value !== undefined || required.includes(name)) && !form.allows(value))
      throw unfit(`'${name}' is`, value, form.expected);
  }
}

function unfit(what: string, value: unknown, expected: string): DiscoveryError {
  // Not the content of an object, which may hold credentials.
  const shown = isObject(value) ? 'an object' : inspect(value, { depth: 0 });
  return new DiscoveryError('invalid_options', `${what} ${shown}: expected ${expected}`);
}
