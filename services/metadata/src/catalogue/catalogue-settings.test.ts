import { metadataSchema } from '@movies/api';
import { parseSettings } from '@movies/http-service';
import { catalogueSettings } from './catalogue-settings';
import { vegaFilmSchema } from './vega-film';

const parse = (env: Record<string, string>, argv: string[] = []) =>
  parseSettings(catalogueSettings, { argv, env: { CATALOGUE: '-', ...env } });

it('needs a catalogue, and nothing else', () => {
  expect(parse({})).toEqual({
    catalogue: '-',
    url: 'http://localhost:8081',
    format: metadataSchema,
    maxRejected: 0,
  });
  expect(() => parse({ CATALOGUE: '' })).toThrow('CATALOGUE: is missing: name a file');
});

it('takes flags and variables', () => {
  const argv = ['--url', 'https://films.example/', '--max-rejected', '1331'];
  expect(parse({ FORMAT: 'vega', URL: 'x' }, argv)).toEqual({
    catalogue: '-',
    url: 'https://films.example',
    format: vegaFilmSchema,
    maxRejected: 1331,
  });
});

it.each([
  'localhost:8081',
  'ftp://localhost',
  'http://localhost:8081/metadata',
  'http://localhost:8081/?x=1',
  'http://ann:secret@localhost:8081',
])('refuses the address %s, and shows no password', (URL) => {
  expect(() => parse({ URL })).toThrow('expected http://host:port');
  expect(() => parse({ URL })).not.toThrow('secret');
});

it('names every bad value', () => {
  expect(() => parse({ FORMAT: 'csv', MAX_REJECTED: '-1' })).toThrow(
    /FORMAT: 'csv': expected movies or vega\n.*MAX_REJECTED: '-1': expected a whole number/,
  );
});
