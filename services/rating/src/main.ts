import { runService } from '@movies/http-service';
import { createRatingService } from './rating-service';

void runService(createRatingService(), 8082);
