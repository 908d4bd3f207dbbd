import { isDeepStrictEqual } from 'node:util';
import {
  differing,
  ofKind,
  readCombinations,
  unlessEqual,
  violations,
  type Combination,
  type Rendered,
} from './combinations';
import { at, isWorkload, listAt } from './kube-object';
import { serviceNames } from './service-names';

const rendered = readCombinations();
const pod = 'spec.template.spec';

it('there is a ServiceAccount for each workload, and no other', () => {
  const namesOf = (kinds: readonly string[]) =>
    rendered
      .filter(({ object }) => kinds.includes(object.kind))
      .map(({ combination, object }) => `${combination.name} ${object.metadata.name}`)
      .sort();
  const accounts = namesOf(['ServiceAccount']);
  expect(accounts).toEqual(namesOf(['Deployment', 'StatefulSet']));
  expect(accounts).toEqual(expect.arrayContaining(serviceNames.map((name) => `dns ${name}`)));
});

it('no ServiceAccount mounts a token by itself', () => {
  const accounts = ofKind(rendered, 'ServiceAccount');
  expect(differing(accounts, 'automountServiceAccountToken', false)).toEqual({});
});

it('no pod mounts a token by itself', () => {
  const workloads = rendered.filter(({ object }) => isWorkload(object));
  expect(differing(workloads, `${pod}.automountServiceAccountToken`, false)).toEqual({});
});

/** Whom the API server knows: movie where it asks Kubernetes, and PostgreSQL where it is ours. */
const isKnown = (name: string, { registry, overlay }: Combination) =>
  (name === 'movie' && registry === 'kubernetes') ||
  (name === 'postgres' && overlay !== 'database-url');

it('only movie where it asks Kubernetes, and PostgreSQL, have a Role', () => {
  const faults = violations(
    rendered.filter(({ object }) => object.kind.includes('Role')),
    ({ kind, metadata }, combination) =>
      ['Role', 'RoleBinding'].includes(kind) && isKnown(metadata.name, combination)
        ? undefined
        : 'should not be',
  );
  expect(faults).toEqual({});
});

it("movie's is to list and watch EndpointSlices, and Endpoints with the component", () => {
  const verbs = ['list', 'watch'];
  const slices = { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs };
  const endpoints = { apiGroups: [''], resources: ['endpoints'], verbs };
  const roles = ofKind(rendered, 'Role', ({ metadata }) => metadata.name === 'movie');
  const faults = violations(roles, (object, { components }) =>
    unlessEqual(object['rules'], components.includes('endpoints') ? [slices, endpoints] : [slices]),
  );
  expect(faults).toEqual({});
});

it("PostgreSQL's is to get and patch the Secret with its password, and no other", () => {
  const roles = ofKind(rendered, 'Role', ({ metadata }) => metadata.name === 'postgres');
  const rule = { apiGroups: [''], resources: ['secrets'], verbs: ['get', 'patch'] };
  const rules = [{ ...rule, resourceNames: ['postgres-password'] }];
  expect(differing(roles, 'rules', rules)).toEqual({});
});

it('a binding gives the Role of its name to the account of its name', () => {
  const apiGroup = 'rbac.authorization.k8s.io';
  const faults = violations(ofKind(rendered, 'RoleBinding'), (object) => {
    const { name } = object.metadata;
    const subject = { kind: 'ServiceAccount', name, namespace: 'movies' };
    return (
      unlessEqual(object['roleRef'], { apiGroup, kind: 'Role', name }) ??
      unlessEqual(object['subjects'], [subject])
    );
  });
  expect(faults).toEqual({});
});

it('only who has a Role has a token', () => {
  const workloads = rendered.filter(({ object }) => isWorkload(object));
  const faults = violations(workloads, (object, combination) => {
    const tokens = listAt(object, `${pod}.volumes`).filter(isToken);
    const expected = isKnown(object.metadata.name, combination) ? 1 : 0;
    return tokens.length === expected ? undefined : tokens;
  });
  expect(faults).toEqual({});
});

it.each([
  ['movie', 3600],
  ['postgres', 600],
])('that of %s lives for %i s, and comes with certificate and namespace', (name, seconds) => {
  const sources = [
    { serviceAccountToken: { expirationSeconds: seconds, path: 'token' } },
    { configMap: { items: [{ key: 'ca.crt', path: 'ca.crt' }], name: 'kube-root-ca.crt' } },
    {
      downwardAPI: {
        items: [{ fieldRef: { fieldPath: 'metadata.namespace' }, path: 'namespace' }],
      },
    },
  ];
  const faults = violations(known(name), (object) =>
    unlessEqual(listAt(object, `${pod}.volumes`).filter(isToken), [
      { name: 'token', projected: { sources } },
    ]),
  );
  expect(faults).toEqual({});
});

it.each([
  ['movie', { containers: ['server'], initContainers: [] }],
  // Once it runs, PostgreSQL has nothing to ask for.
  ['postgres', { containers: [], initContainers: ['ensure-password'] }],
])('in %s it is where one that mounts itself would be, of %j alone', (name, holders) => {
  const mountPath = '/var/run/secrets/kubernetes.io/serviceaccount';
  const mount = { mountPath, name: 'token', readOnly: true };
  const faults = violations(known(name), (object) => {
    const namesOf = (kind: string) =>
      listAt(object, `${pod}.${kind}`)
        .filter((one) => listAt(one, 'volumeMounts').some((each) => isDeepStrictEqual(each, mount)))
        .map((one) => at(one, 'name'));
    const mounts = ['containers', 'initContainers']
      .flatMap((kind) => listAt(object, `${pod}.${kind}`))
      .flatMap((one) => listAt(one, 'volumeMounts'))
      .filter((one) => at(one, 'name') === 'token');
    const found = {
      containers: namesOf('containers'),
      initContainers: namesOf('initContainers'),
    };
    return mounts.length === 1 ? unlessEqual(found, holders) : mounts;
  });
  expect(faults).toEqual({});
});

function isToken(volume: unknown): boolean {
  const sources = listAt(volume, 'projected.sources');
  return sources.some((source) => at(source, 'serviceAccountToken') !== undefined);
}

/** The workload of that name, where it has a token. */
function known(name: string): readonly Rendered[] {
  return rendered.filter(
    ({ combination, object }) =>
      isWorkload(object) && object.metadata.name === name && isKnown(name, combination),
  );
}
