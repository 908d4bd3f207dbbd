// Prints the JSON schemas of the kinds that k8s/ uses, as the API server of the current kubectl context publishes them
// (/openapi/v3), made strict: a field that is not there is an error, as with `kubectl apply --validate=strict`.
//
//   node hack/kubernetes-schemas.mjs > test/manifests/schemas/kubernetes-1.34.json
//
// Given the file of a CustomResourceDefinition, it prints the schema of that kind. The Go module sigs.k8s.io/gateway-api has
// config/crd/standard/gateway.networking.k8s.io_httproutes.yaml.
//
//   node hack/kubernetes-schemas.mjs httproutes.yaml > test/manifests/schemas/gateway-api-1.7.json
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';

/** By the API's path: `api/v1` is the core group. */
const kinds = {
  'api/v1': ['ConfigMap', 'Namespace', 'Secret', 'Service', 'ServiceAccount'],
  'apis/apps/v1': ['Deployment', 'StatefulSet'],
  'apis/autoscaling/v2': ['HorizontalPodAutoscaler'],
  'apis/networking.k8s.io/v1': ['Ingress', 'NetworkPolicy'],
  'apis/policy/v1': ['PodDisruptionBudget'],
  'apis/rbac.authorization.k8s.io/v1': ['Role', 'RoleBinding'],
};

const reference = '#/components/schemas/';
const definitions = {};
const roots = {};

const [file] = process.argv.slice(2);
const source = file === undefined ? readServer() : readCustomResource(file);
console.log(JSON.stringify({ $comment: source, kinds: roots, definitions }, null, 2));

/** The kinds above; says of which Kubernetes they are. */
function readServer() {
  for (const [path, names] of Object.entries(kinds)) {
    const openapi = kubectl('get', '--raw', `/openapi/v3/${path}`);
    const { schemas } = openapi.components;
    const apiVersion = path.replace(/^apis?\//, '');
    for (const kind of names) {
      const isIt = ([, schema]) => isOfKind(schema, apiVersion, kind);
      const [name] = Object.entries(schemas).find(isIt);
      roots[`${apiVersion} ${kind}`] = { $ref: `#/definitions/${name}` };
      define(name, schemas);
    }
  }
  const { gitVersion } = kubectl('get', '--raw', '/version');
  return `Kubernetes ${gitVersion}`;
}

/** The version of a custom resource that is stored; says of which release it is. */
function readCustomResource(path) {
  const { metadata, spec } = parse(readFileSync(path, 'utf8'));
  const { name: version, schema } = spec.versions.find(({ storage }) => storage);
  const name = `${spec.group}.${version}.${spec.names.kind}`;
  roots[`${spec.group}/${version} ${spec.names.kind}`] = { $ref: `#/definitions/${name}` };
  definitions[name] = strict(schema.openAPIV3Schema, {});
  const release = metadata.annotations['gateway.networking.k8s.io/bundle-version'];
  return `${metadata.name} ${release}`;
}

function kubectl(...args) {
  return JSON.parse(
    execFileSync('kubectl', args, { encoding: 'utf8', timeout: 30_000, maxBuffer: 64 * 2 ** 20 }),
  );
}

function isOfKind(schema, apiVersion, kind) {
  return (schema['x-kubernetes-group-version-kind'] ?? []).some(
    (of) => of.kind === kind && [of.group, of.version].filter(Boolean).join('/') === apiVersion,
  );
}

/** With everything it refers to. */
function define(name, schemas) {
  if (definitions[name] !== undefined) return;
  definitions[name] = {};
  definitions[name] = strict(schemas[name], schemas);
}

/** What a validator uses, without prose, defaults and extensions. */
function strict(schema, schemas) {
  if (schema.$ref !== undefined) {
    const name = schema.$ref.slice(reference.length);
    define(name, schemas);
    return { $ref: `#/definitions/${name}` };
  }
  const result = {};
  for (const key of ['type', 'enum', 'required', 'pattern']) {
    if (schema[key] !== undefined) result[key] = schema[key];
  }
  for (const key of ['allOf', 'oneOf', 'anyOf']) {
    if (schema[key] !== undefined) result[key] = schema[key].map((part) => strict(part, schemas));
  }
  if (schema.items !== undefined) result.items = strict(schema.items, schemas);
  if (schema.properties !== undefined) {
    result.properties = Object.fromEntries(
      Object.entries(schema.properties).map(([key, value]) => [key, strict(value, schemas)]),
    );
    result.additionalProperties = false;
  } else if (typeof schema.additionalProperties === 'object') {
    result.additionalProperties = strict(schema.additionalProperties, schemas);
  }
  return result;
}
