import { runService } from '@movies/http-service';
import { createMetadataService } from './metadata-service';

void runService(createMetadataService(), 8081);
