import { DatabaseError } from './database-error';
import { databaseFromUrl } from './database-from-url';

function refusalOf(text: string): string {
  try {
    databaseFromUrl(text);
  } catch (error: unknown) {
    expect(error).toBeInstanceOf(DatabaseError);
    expect((error as DatabaseError).code).toBe('invalid_database_url');
    return (error as Error).message.replace('the database URL cannot be used: ', '');
  }
  throw new Error('it was taken');
}

it('opens none for memory:', () => {
  expect(databaseFromUrl('memory:')).toBeUndefined();
});

it.each(['file:./data', 'file:data', 'file:/data', 'file:///data', 'postgres://me@host/db'])(
  'takes %s, and touches nothing yet',
  (text) => {
    expect(databaseFromUrl(text)).toBeDefined();
  },
);

it.each([
  ['', 'it begins with none of memory:, file:, postgres:'],
  ['mysql://secret@host/db', 'it begins with none of memory:, file:, postgres:'],
  ['memory:secret', "'memory:' takes nothing after it"],
  ['file:', 'expected file:./folder'],
  ['file://host/secret', 'expected file:./folder'],
  ['file:./data?secret', 'expected file:./folder'],
])('refuses %p, and shows nothing of it', (text, reason) => {
  expect(refusalOf(text)).toBe(reason);
});
