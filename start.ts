import { databaseSetting } from '@movies/database/setting';
import {
  commonSettings,
  portSchema,
  runProcess,
  startService,
  type LateService,
  type RunningService,
  type Setting,
} from '@movies/http-service';
import { createMetadataService } from '@movies/metadata';
import { createMovieService } from '@movies/movie';
import { createRatingService } from '@movies/rating';

function portSetting(service: string, defaultPort: number): Setting<number> {
  return {
    flag: `${service}-port`,
    variable: `${service.toUpperCase()}_PORT`,
    default: String(defaultPort),
    help: `port of ${service}; 0 picks a free one`,
    schema: portSchema,
  };
}

/** All three services in one process, on one registry: the whole system on a laptop. */
void runProcess({
  usage: 'start: metadata, rating and movie in one process',
  settings: {
    metadataPort: portSetting('metadata', 8081),
    ratingPort: portSetting('rating', 8082),
    moviePort: portSetting('movie', 8083),
    database: databaseSetting,
    ...commonSettings('memory:'),
  },
  services: ({ metadataPort, ratingPort, moviePort, database, ...common }) => {
    const config = { ...common, advertise: undefined };
    const open = (service: string) =>
      database?.open({ service, timeoutMs: common.requestTimeoutMs });
    return [
      async () =>
        startService(createMetadataService(open('metadata')), { ...config, port: metadataPort }),
      async () =>
        startService(createRatingService(open('rating')), { ...config, port: ratingPort }),
      async () => startService(createMovieService(), { ...config, port: moviePort }),
    ];
  },
  release: ({ registry }) => registry.registry.close(),
  onReady: (services) => {
    process.stdout.write(introduction(services));
  },
  onLate: (late) => {
    process.stderr.write(lateText(late));
  },
});

function lateText(late: readonly LateService[]): string {
  const lines = late.map(({ name, reason }) => `  ${name.padEnd(8)}  ${reason}`);
  return [
    '',
    'Not ready yet:',
    ...lines,
    'The addresses follow when all three are ready; Ctrl-C stops them.',
    '',
    '',
  ].join('\n');
}

function introduction(services: readonly RunningService[]): string {
  const [metadata = 0, rating = 0, movie = 0] = services.map(({ port }) => port);
  return `
metadata  http://localhost:${metadata}   what a movie is
rating    http://localhost:${rating}   what users think of it
movie     http://localhost:${movie}   both together

Try:
  curl -i 'localhost:${movie}/movie?id=1'
  curl -X PUT 'localhost:${rating}/rating?id=1&type=movie&userId=me&value=5'
  curl 'localhost:${movie}/movie?id=1'
  curl 'localhost:${movie}/movies?q=the&limit=5'

Ctrl-C stops all three.

`;
}
