import { runService } from '@movies/http-service';
import { createMovieService } from './movie-service';

void runService(createMovieService(), 8083);
