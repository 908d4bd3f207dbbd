/**
 * What was thrown, in words. Several addresses of one name, all refused, come as an AggregateError whose own message is
 * empty.
 */
export function messageOf(cause: unknown): string {
  if (typeof cause !== 'object' || cause === null) return String(cause);
  const { message = '', errors = [] } = cause as Partial<AggregateError>;
  if (message !== '') return message;
  return errors.length > 0
    ? errors.map(messageOf).join(', ')
    : Object.prototype.toString.call(cause);
}

/** The code of a failed call of the system or of a library, as `ENOENT`. */
export function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException | null | undefined)?.code ?? 'unknown error';
}
