export type { Database, Queryable, QueryOptions, Row, Statement } from './database';
export { DatabaseError, type DatabaseErrorCode } from './database-error';
export { ServiceDatabase, type ServiceDatabaseOptions } from './service-database';
