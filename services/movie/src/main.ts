import { runService } from '@movies/http-service';
import { version } from '../package.json';
import { createMovieService } from './movie-service';

void runService({
  name: 'movie',
  version,
  defaultPort: 8083,
  settings: {},
  create: createMovieService,
});
