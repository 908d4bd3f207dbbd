import type { Copy, Instruction, JSONInstruction } from 'dockerfile-ast';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { dockerfile, instructionsOf as of, isIgnored, stage, wordsOf as words } from './dockerfile';

const root = path.resolve(__dirname, '../..');
const read = (file: string) => readFileSync(path.join(root, file), 'utf8');

/** The COPY lines that take from the repository, not from another stage. */
const copies = dockerfile
  .getCOPYs()
  .filter((copy) => !copy.getFlags().some((flag) => flag.getName() === 'from'));
const sources = (copy: Copy) => words(copy).slice(0, -1);

const services = readdirSync(path.join(root, 'services'));
const packages = readdirSync(path.join(root, 'packages'));
const workspaces = [
  ...packages.map((name) => `packages/${name}`),
  ...services.map((name) => `services/${name}`),
];
const stagesOf = (name: string) => services.map((service) => name.replace('${SERVICE}', service));

it('builds the runtime stage by default, since it is the last', () => {
  expect(dockerfile.getFROMs().map((from) => from.getBuildStage())).toEqual([
    'manifests',
    'build',
    'dev',
    'runtime',
  ]);
});

it('takes its base images as arguments, of one major of Node and one Debian, none by the tag latest', () => {
  expect(dockerfile.getFROMs().map((from) => from.getImage())).toEqual([
    'scratch',
    '${NODE_IMAGE}',
    '${NODE_IMAGE}',
    '${RUNTIME_IMAGE}',
  ]);
  expect(dockerfile.getInitialARGs().map((arg) => words(arg).join())).toEqual([
    'NODE_IMAGE=node:24-bookworm-slim',
    'RUNTIME_IMAGE=gcr.io/distroless/nodejs24-debian12:nonroot',
  ]);
  expect(read('Dockerfile')).not.toMatch(/:latest\b/);
});

it('needs no frontend from a registry', () => {
  expect(dockerfile.getDirectives()).toEqual([]);
});

it.each(['dev', 'runtime'])(
  'runs %s as a user by number, which a cluster can tell from root',
  (name) => {
    expect(of('USER', stage(name)).map(words)).toEqual([['65532:65532']]);
  },
);

it('makes nobody but root the owner of what it runs', () => {
  const flags = dockerfile
    .getCOPYs()
    .filter((copy) =>
      stage('runtime').some((other) => other.getRange().start.line === copy.getRange().start.line),
    )
    .flatMap((copy) => copy.getFlags().map((flag) => flag.toString()));
  expect(flags).toEqual(['--from=build']);
});

it('starts Node itself, without a shell between', () => {
  const [entrypoint, ...others] = of('ENTRYPOINT', stage('runtime'));
  expect(others).toEqual([]);
  expect(execForm(entrypoint)).toEqual(['/nodejs/bin/node', '--enable-source-maps', 'main.js']);
  expect(of('CMD', stage('runtime'))).toEqual([]);
});

it('starts nodemon itself in dev, by its path', () => {
  expect(execForm(of('ENTRYPOINT', stage('dev'))[0])).toEqual([]);
  expect(execForm(of('CMD', stage('dev'))[0])[0]).toBe('/app/node_modules/.bin/nodemon');
});

it('restarts at once in dev, where a pod that goes would serve on', () => {
  expect(of('ENV', stage('dev')).flatMap(words)).toContain('SHUTDOWN_DELAY_MS=0');
});

it('has Node in dev where the runtime image has it, for pods that are run beside a service in its image', () => {
  const [node] = execForm(of('ENTRYPOINT', stage('runtime'))[0]);
  const lines = of('RUN', stage('dev')).map((run) => run.getTextContent());
  expect(lines.filter((line) => line.includes(`ln -s /usr/local/bin/node ${node}`))).toHaveLength(
    1,
  );
});

it('restarts in dev without a delay', () => {
  expect(execForm(of('CMD', stage('dev'))[0])).not.toContain('--delay');
});

it.each(['dev', 'runtime'])('listens on 8080 in %s', (name) => {
  expect(of('EXPOSE', stage(name)).map(words)).toEqual([['8080']]);
  expect(of('ENV', stage(name)).flatMap(words)).toContain('PORT=8080');
});

it('takes the heap from the memory limit, lets a manifest take another, and has one arena beside it', () => {
  expect(of('ENV', stage('runtime')).flatMap(words)).toEqual([
    'NODE_ENV=production',
    'PORT=8080',
    'NODE_OPTIONS=--max-old-space-size-percentage=70',
    'MALLOC_ARENA_MAX=1',
  ]);
});

it('copies by name', () => {
  for (const copy of copies) {
    for (const source of sources(copy)) expect(source).toMatch(/^[a-z]/);
  }
  expect(of('ADD')).toEqual([]);
});

it('copies what is there, and what .dockerignore lets through', () => {
  const missing = copies
    .flatMap(sources)
    .flatMap(stagesOf)
    .filter((file) => !existsSync(path.join(root, file)) || isIgnored(file));
  expect(missing).toEqual([]);
});

it('copies the manifest of every workspace, before what changes more often', () => {
  expect(
    of('COPY', stage('manifests'))
      .flatMap((copy) => words(copy).slice(0, -1))
      .sort(),
  ).toEqual(
    [
      'package.json',
      'package-lock.json',
      ...workspaces.map((name) => `${name}/package.json`),
    ].sort(),
  );
});

it.each(['build', 'dev'])('copies every package and the one service to %s', (name) => {
  const copied = of('COPY', stage(name)).flatMap((copy) => words(copy).slice(0, -1));
  expect(copied).toEqual(
    expect.arrayContaining([...packages.map((each) => `packages/${each}`), 'services/${SERVICE}']),
  );
});

it('installs what the lock file says, and runs none of its scripts', () => {
  const installs = of('RUN')
    .map((run) => run.getTextContent())
    .filter((line) => line.includes('npm'));
  expect(installs).toHaveLength(2);
  for (const line of installs) expect(line).toContain('npm ci --ignore-scripts');
});

it('mounts nothing but a cache, since a tool that watches COPY lines sees no other', () => {
  expect(read('Dockerfile').match(/--mount=\S+/g)).toEqual([
    '--mount=type=cache,target=/root/.npm',
    '--mount=type=cache,target=/root/.npm',
  ]);
});

it.each([
  ...[
    'node_modules/koa/package.json',
    'packages/api/node_modules/zod/index.js',
    'k8s/base/secret.yaml',
  ],
  ...['.git/config', '.env', 'dist/movies-discovery-0.1.0.tgz', 'packages/api/dist/index.js'],
  ...['services/movie/src/get-movie.test.ts', 'packages/discovery/README.md'],
  ...['services/rating/.env', 'packages/api/.env.local', 'services/rating/src/.env.production'],
  ...['services/movie/tls.pem', 'packages/discovery/src/testing/client.key'],
])('hides %s from the build', (file) => {
  expect(isIgnored(file)).toBe(true);
});

it.each(['package-lock.json', 'packages/api/src/index.ts', 'services/metadata/src/movies.json'])(
  'shows it %s',
  (file) => {
    expect(isIgnored(file)).toBe(false);
  },
);

it('gives every workspace the version that tags the images', () => {
  const version = (file: string) => (JSON.parse(read(file)) as { version: string }).version;
  const versions = workspaces.map((name) => version(`${name}/package.json`));
  expect(new Set(versions)).toEqual(new Set([version('package.json')]));
});

function execForm(instruction: Instruction | undefined): string[] {
  const json = instruction as JSONInstruction | undefined;
  if (json?.getOpeningBracket() == null) throw new Error('not in exec form');
  return json.getJSONStrings().map((string) => JSON.parse(string.getValue()) as string);
}
