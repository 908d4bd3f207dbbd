import { databaseSetting } from '@movies/database/setting';
import { runService } from '@movies/http-service';
import { version } from '../package.json';
import { createRatingService } from './rating-service';

void runService({
  name: 'rating',
  version,
  defaultPort: 8082,
  settings: { database: databaseSetting },
  create: ({ database, requestTimeoutMs }) =>
    createRatingService(database?.open({ service: 'rating', timeoutMs: requestTimeoutMs })),
});
