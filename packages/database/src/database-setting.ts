import * as z from 'zod';
import { DatabaseError } from './database-error';
import { databaseFromUrl, type DatabaseSource } from './database-from-url';

/** Where a service that has state keeps it: a setting, as http-service takes it. */
export const databaseSetting = {
  flag: 'database',
  variable: 'DATABASE_URL',
  fileVariable: 'DATABASE_URL_FILE',
  isSecret: true,
  default: 'memory:',
  help: 'where state is kept: memory:, file:./folder (embedded), postgres://user@host/database?password-file=…',
  schema: z
    .string()
    .optional()
    .transform((text = 'memory:', context): DatabaseSource | undefined => {
      try {
        return databaseFromUrl(text);
      } catch (error: unknown) {
        if (!(error instanceof DatabaseError)) throw error;
        context.addIssue({ code: 'custom', message: error.message });
        return z.NEVER;
      }
    }),
};
