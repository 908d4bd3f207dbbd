export type CatalogueErrorCode =
  /** The file cannot be opened, or reading it failed. */
  | 'catalogue_unreadable'
  /** A JSON array that is broken: where its next record begins cannot be told. */
  | 'catalogue_broken'
  /** The metadata service could not be had for longer than an import waits. */
  | 'service_unavailable'
  /** What answers is no metadata service. */
  | 'service_unknown';

/** Why an import cannot go on; the message says where, and what to do. */
export class CatalogueError extends Error {
  override readonly name = 'CatalogueError';
  readonly code: CatalogueErrorCode;

  constructor(code: CatalogueErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
