import { differing, ofKind, readCombinations, unlessEqual, violations } from './combinations';
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

it('only movie, and only where it asks Kubernetes, has a Role', () => {
  const faults = violations(
    rendered.filter(({ object }) => object.kind.includes('Role')),
    (object, { overlay }) =>
      overlay === 'kubernetes' &&
      ['Role', 'RoleBinding'].includes(object.kind) &&
      object.metadata.name === 'movie'
        ? undefined
        : 'should not be',
  );
  expect(faults).toEqual({});
});

it('the Role is to list and watch EndpointSlices, and Endpoints with the component', () => {
  const verbs = ['list', 'watch'];
  const slices = { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs };
  const endpoints = { apiGroups: [''], resources: ['endpoints'], verbs };
  const faults = violations(ofKind(rendered, 'Role'), (object, { components }) =>
    unlessEqual(object['rules'], components.includes('endpoints') ? [slices, endpoints] : [slices]),
  );
  expect(faults).toEqual({});
});

it('the binding gives that Role to the account of movie', () => {
  const bindings = ofKind(rendered, 'RoleBinding');
  const apiGroup = 'rbac.authorization.k8s.io';
  expect(differing(bindings, 'roleRef', { apiGroup, kind: 'Role', name: 'movie' })).toEqual({});
  const subject = { kind: 'ServiceAccount', name: 'movie', namespace: 'movies' };
  expect(differing(bindings, 'subjects', [subject])).toEqual({});
});

it('only movie, and only where it asks Kubernetes, has a token', () => {
  const workloads = rendered.filter(({ object }) => isWorkload(object));
  const faults = violations(workloads, (object, { overlay }) => {
    const tokens = listAt(object, `${pod}.volumes`).filter((volume) =>
      listAt(volume, 'projected.sources').some((source) => at(source, 'serviceAccountToken')),
    );
    const expected = overlay === 'kubernetes' && object.metadata.name === 'movie' ? 1 : 0;
    return tokens.length === expected ? undefined : tokens;
  });
  expect(faults).toEqual({});
});

const movieOnKubernetes = () =>
  ofKind(
    rendered,
    'Deployment',
    ({ metadata }, { overlay }) => overlay === 'kubernetes' && metadata.name === 'movie',
  );

it('its token lives for an hour, and comes with the certificate and the namespace', () => {
  const sources = [
    { serviceAccountToken: { expirationSeconds: 3600, path: 'token' } },
    { configMap: { items: [{ key: 'ca.crt', path: 'ca.crt' }], name: 'kube-root-ca.crt' } },
    {
      downwardAPI: {
        items: [{ fieldRef: { fieldPath: 'metadata.namespace' }, path: 'namespace' }],
      },
    },
  ];
  const volumes = [{ name: 'token', projected: { sources } }];
  expect(differing(movieOnKubernetes(), `${pod}.volumes`, volumes)).toEqual({});
});

it('it is where one that mounts itself would be', () => {
  const mountPath = '/var/run/secrets/kubernetes.io/serviceaccount';
  const mounts = [{ mountPath, name: 'token', readOnly: true }];
  const path = `${pod}.containers.0.volumeMounts`;
  expect(differing(movieOnKubernetes(), path, mounts)).toEqual({});
});
