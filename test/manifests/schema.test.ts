import Ajv from 'ajv';
import { combinations, readCombinations, violations } from './combinations';
import type { KubeObject } from './kube-object';
// Both made by hack/kubernetes-schemas.mjs.
import gatewayApi from './schemas/gateway-api-1.7.json';
import schemas from './schemas/kubernetes-1.34.json';

const ajv = new Ajv({ allErrors: true, strict: false })
  .addSchema(schemas, 'kubernetes')
  .addSchema(gatewayApi, 'gateway-api');

function faults(object: KubeObject): readonly string[] | undefined {
  const key = `${object.apiVersion} ${object.kind}`;
  const source = key in gatewayApi.kinds ? 'gateway-api' : 'kubernetes';
  const validate = ajv.getSchema(`${source}#/kinds/${encodeURIComponent(key.replace('/', '~1'))}`);
  if (validate === undefined) return [`there is no schema of ${key}`];
  if (validate(object) === true) return undefined;
  return validate.errors?.map(
    ({ instancePath, message, params }) =>
      `${instancePath} ${message ?? ''} ${JSON.stringify(params)}`,
  );
}

const rendered = readCombinations();

it.each(combinations.map(({ name }) => name))('%s has no unknown or ill-typed field', (name) => {
  const objects = rendered.filter(({ combination }) => combination.name === name);
  expect(violations(objects, faults)).toEqual({});
});

it.each([
  ['an unknown field', { spec: { replica: 2 } }],
  ['an ill-typed field', { spec: { replicas: '2' } }],
  ['an unknown field deep below', { spec: { template: { spec: { hostnetwork: true } } } }],
  ['a value that is none of those there are', { spec: { strategy: { type: 'Rolling' } } }],
])('finds %s', (_, part) => {
  const metadata = { name: 'metadata' };
  const spec = { selector: {}, template: {}, ...part.spec };
  const found = faults({ apiVersion: 'apps/v1', kind: 'Deployment', metadata, spec });
  expect(found?.join()).toMatch(/replica|hostnetwork|strategy/);
});

it.each([
  ['gateway.networking.k8s.io/v1', 'HTTPRoute', { rules: [{ backendRefs: [{ port: 80 }] }] }],
  ['gateway.networking.k8s.io/v1', 'HTTPRoute', { rules: [{ backends: [] }] }],
  ['networking.k8s.io/v1', 'Ingress', { rules: [{ http: { paths: [{ path: '/' }] } }] }],
])('finds a fault in %s %s', (apiVersion, kind, spec) => {
  const found = faults({ apiVersion, kind, metadata: { name: 'movie' }, spec });
  expect(found?.join()).toMatch(/required property 'name'|backends|required property 'backend'/);
});

it('finds a kind of which there is no schema', () => {
  expect(faults({ apiVersion: 'v1', kind: 'Pot', metadata: { name: 'a' } })).toEqual([
    'there is no schema of v1 Pot',
  ]);
});
