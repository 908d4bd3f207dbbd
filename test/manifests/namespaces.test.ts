import { combinations } from './combinations';
import { at, isRecord, listAt, nameOf, type KubeObject } from './kube-object';
import { parseObjects, renderTextWith } from './render';

/** Other than the one that the overlays name. */
const other = 'staging';

async function renderedIn(namespace: string, overlay: string, components: readonly string[] = []) {
  return parseObjects(await renderTextWith(`overlays/${overlay}`, components, namespace));
}

describe.each(combinations)('$name in another namespace', ({ overlay, components }) => {
  let objects: readonly KubeObject[];
  beforeAll(async () => {
    objects = await renderedIn(other, overlay, components);
  });

  it('is in it, with its Namespace and the subjects of its bindings', () => {
    const namespaces = objects.filter(({ kind }) => kind === 'Namespace');
    expect(namespaces.map(({ metadata }) => metadata.name)).toEqual([other]);
    const others = objects.filter(({ kind }) => kind !== 'Namespace');
    expect(others.filter(({ metadata }) => metadata.namespace !== other).map(nameOf)).toEqual([]);
    const subjects = objects.flatMap((object) => listAt(object, 'subjects'));
    expect(subjects.filter((subject) => at(subject, 'namespace') !== other)).toEqual([]);
  });

  it('names the namespace `movies` nowhere, neither by itself nor in an address', () => {
    const found = objects.flatMap((object) =>
      textsOf(object)
        .filter(([key, text]) => !labelsOfOurs.has(key) && namesMovies.test(text))
        .map(([key, text]) => `${nameOf(object)} ${key}: ${text}`),
    );
    expect(found).toEqual([]);
  });
});

/** The namespace alone, or a part of a DNS name: `movies`, `movie.movies`, `.movies.svc`. */
const namesMovies = /^movies$|\.movies\b|\bmovies\.svc\b/;

/** Labels that say whose it is, wherever it is. */
const labelsOfOurs: ReadonlySet<string> = new Set([
  'app.kubernetes.io/instance',
  'app.kubernetes.io/name',
  'app.kubernetes.io/part-of',
]);

/** Every text in an object, with the key under which it is. */
function textsOf(value: unknown, key = ''): [string, string][] {
  if (typeof value === 'string') return [[key, value]];
  if (Array.isArray(value)) return value.flatMap((one) => textsOf(one, key));
  if (!isRecord(value)) return [];
  return Object.entries(value).flatMap(([name, one]) => textsOf(one, name));
}

it.each([
  ['kubernetes', 'dns'],
  ['kubernetes', 'kubernetes'],
  ['dns', 'consul'],
])('installs of %s and %s in two namespaces share no object', async (first, second) => {
  const [one, two] = await Promise.all([renderedIn('one', first), renderedIn('two', second)]);
  const identitiesOf = (objects: readonly KubeObject[]) =>
    new Set(objects.map((object) => `${object.metadata.namespace ?? ''} ${nameOf(object)}`));
  expect([...identitiesOf(one)].filter((name) => identitiesOf(two).has(name))).toEqual([]);
  const clusterScoped = [...one, ...two].filter(({ metadata }) => metadata.namespace === undefined);
  expect(clusterScoped.map(nameOf)).toEqual(['Namespace/one', 'Namespace/two']);
});
