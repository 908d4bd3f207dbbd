/** One record of a catalogue, or what is wrong with its text. */
export type SourceRecord = {
  /** Where it is, for people: `line 3`. */
  readonly at: string;
} & ({ readonly value: unknown } | { readonly fault: string });
