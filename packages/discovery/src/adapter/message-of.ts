/** Several addresses of one name, all refused, come as an AggregateError whose own message is empty. */
export function messageOf(cause: unknown): string {
  const { message = '', errors = [] } = cause as Partial<AggregateError>;
  if (message !== '') return message;
  return errors.length > 0 ? errors.map(messageOf).join(', ') : String(cause);
}
