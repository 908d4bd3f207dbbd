import { databaseSetting } from '@movies/database/setting';
import { runService } from '@movies/http-service';
import { version } from '../package.json';
import { createMetadataService } from './metadata-service';

void runService({
  name: 'metadata',
  version,
  defaultPort: 8081,
  settings: { database: databaseSetting },
  create: ({ database, requestTimeoutMs }) =>
    createMetadataService(database?.open({ service: 'metadata', timeoutMs: requestTimeoutMs })),
});
