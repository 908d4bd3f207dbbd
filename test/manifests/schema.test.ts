import Ajv from 'ajv';
import { combinations, readCombinations, violations } from './combinations';
import type { KubeObject } from './kube-object';
// Made by hack/kubernetes-schemas.mjs.
import schemas from './schemas/kubernetes-1.34.json';

const ajv = new Ajv({ allErrors: true, strict: false }).addSchema(schemas, 'kubernetes');

function faults(object: KubeObject): readonly string[] | undefined {
  const key = `${object.apiVersion} ${object.kind}`;
  const validate = ajv.getSchema(`kubernetes#/kinds/${encodeURIComponent(key.replace('/', '~1'))}`);
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

it('finds a kind of which there is no schema', () => {
  expect(faults({ apiVersion: 'v1', kind: 'Pot', metadata: { name: 'a' } })).toEqual([
    'there is no schema of v1 Pot',
  ]);
});
