import { metadataListSchema, searchPath } from '@movies/api';
import { until } from '../until';
import { killServiceProcesses, ServiceProcess } from './service-process';

const sampleFilms = 25;
/** Of the 3,201 films of vega-datasets 1,331 have no director. */
const films = { read: 3201, imported: 1870, rejected: 1331 };
const vega = ['--catalogue', 'node_modules/vega-datasets/data/movies.json', '--format', 'vega'];

let metadata: ServiceProcess;
let url: string;

beforeEach(async () => {
  const env = { PORT: '0', REGISTRY_URL: 'memory:' };
  metadata = new ServiceProcess({ script: 'services/metadata/src/main.ts', env });
  url = `http://localhost:${await metadata.port()}`;
});

afterEach(killServiceProcesses);

// Thousands of requests, on a machine that may have other things to do.
jest.setTimeout(120_000);

function importer(args: readonly string[], input?: string): ServiceProcess {
  return new ServiceProcess({
    script: 'services/metadata/src/catalogue/main.ts',
    args: ['--url', url, ...args],
    ...(input === undefined ? {} : { input }),
  });
}

/** Exit code, what is printed, without how long it took, and each line of standard error. */
async function outcomeOf(run: ServiceProcess) {
  const code = await run.exited;
  const output = run.lines.map(({ msg }) => msg.replace(/, in [\d.]+ s$/, ''));
  return { code, output, errors: run.errors.split('\n').slice(0, -1) };
}

/** How many films there are, by walking through all pages; no film is there twice. */
async function countFilms(): Promise<number> {
  const ids: string[] = [];
  let cursor: string | null = '';
  while (cursor !== null) {
    const path: string = searchPath({ q: '', limit: 100 });
    const response = await fetch(url + path + (cursor === '' ? '' : `&cursor=${cursor}`));
    const page = metadataListSchema.parse(await response.json());
    ids.push(...page.items.map(({ id }) => id));
    cursor = page.nextCursor;
  }
  expect(new Set(ids).size).toBe(ids.length);
  return ids.length;
}

const puts = () => metadata.lines.filter(({ method }) => method === 'PUT').length;

it('imports the films of vega-datasets, tells each that has no director, and changes nothing the second time', async () => {
  const first = await outcomeOf(importer([...vega, '--max-rejected', String(films.rejected)]));
  expect(first.output).toEqual(['3201 read: 1870 added, 0 changed, 0 unchanged, 1331 rejected']);
  expect(first.errors).toHaveLength(films.rejected);
  expect(first.errors[0]).toBe('record 1, line 2: Director is missing');
  expect(first.errors.filter((line) => !line.endsWith('Director is missing'))).toEqual([]);
  expect(first.code).toBe(0);
  expect(await countFilms()).toBe(sampleFilms + films.imported);
  expect(puts()).toBe(films.imported);

  const second = await outcomeOf(importer(vega));
  expect(second.output).toEqual([
    '3201 read: 0 added, 0 changed, 1870 unchanged, 1331 rejected',
    'Nothing has changed.',
  ]);
  // More were rejected than was said to be fine.
  expect(second.code).toBe(1);
  expect(puts()).toBe(films.imported);
});

it('is completed by a second run where the first was killed in the middle', async () => {
  const killed = importer(vega);
  await until(() => puts() >= 500);
  killed.signal('SIGKILL');
  expect(await killed.exited).toBe(137);
  const there = (await countFilms()) - sampleFilms;
  expect(there).toBeGreaterThanOrEqual(500);
  expect(there).toBeLessThan(films.imported);

  const { output } = await outcomeOf(importer(vega));
  const added = films.imported - there;
  expect(output).toEqual([
    `3201 read: ${added} added, 0 changed, ${there} unchanged, 1331 rejected`,
  ]);
  expect(await countFilms()).toBe(sampleFilms + films.imported);
});

it('stops on Ctrl-C, and has put what it says', async () => {
  const stopped = importer(vega);
  await until(() => puts() >= 500);
  stopped.signal('SIGINT');
  const { code, output } = await outcomeOf(stopped);
  expect(code).toBe(130);
  expect(output).toEqual([
    expect.stringMatching(/^\d+ read: \d+ added, 0 changed, 0 unchanged, \d+ rejected$/),
    'Stopped: the same command goes on from here.',
  ]);
  const [, added] = /: (\d+) added/.exec(output[0] ?? '') ?? [];
  expect(await countFilms()).toBe(sampleFilms + Number(added));
});

it('goes on when the service comes back', async () => {
  const port = await metadata.port();
  const running = importer([...vega, '--max-rejected', String(films.rejected)]);
  await until(() => puts() >= 300);
  metadata.signal('SIGKILL');
  await metadata.exited;
  await until(() => running.errors.includes('trying again'));
  const env = { PORT: String(port), REGISTRY_URL: 'memory:' };
  metadata = new ServiceProcess({ script: 'services/metadata/src/main.ts', env });
  const { code, output } = await outcomeOf(running);
  expect(output).toEqual(['3201 read: 1870 added, 0 changed, 0 unchanged, 1331 rejected']);
  expect(code).toBe(0);
});

it('takes JSON Lines from standard input, and tells bad lines', async () => {
  const film = { id: '100', title: 'Alien', description: 'A ship.', director: 'Ridley Scott' };
  const lines = [film, { ...film, id: '1' }, film, { id: '101' }].map((one) => JSON.stringify(one));
  const { code, output, errors } = await outcomeOf(
    importer(['--catalogue', '-'], [...lines, 'no JSON'].join('\n')),
  );
  expect(output).toEqual(['5 read: 1 added, 1 changed, 0 unchanged, 3 rejected']);
  expect(errors).toEqual([
    "line 3: id '100' is that of line 1, which counts",
    'line 4: title is missing; description is missing; director is missing',
    expect.stringMatching(/^line 5: is not JSON: /),
  ]);
  expect(code).toBe(1);
  expect(await (await fetch(`${url}/metadata?id=100`)).json()).toEqual(film);
});

it.each([
  [['--catalogue', 'no-such-file'], 1, 'the catalogue no-such-file cannot be read'],
  [['--catalogue', '-', '--url', 'localhost'], 78, "--url: 'localhost': expected http://host:port"],
  [[], 78, 'CATALOGUE: is missing'],
])('ends with a message for %j, and no stack trace', async (args, expected, message) => {
  const { code, errors } = await outcomeOf(importer(args));
  expect(errors.join('\n')).toContain(message);
  expect(errors.join('\n')).not.toMatch(/\n\s+at /);
  expect(code).toBe(expected);
});

it('explains itself on --help', async () => {
  const { code, output } = await outcomeOf(importer(['--help']));
  expect(output.join('\n')).toMatch(/--catalogue, CATALOGUE[^]*--max-rejected[^]*Exit codes/);
  expect(code).toBe(0);
});
