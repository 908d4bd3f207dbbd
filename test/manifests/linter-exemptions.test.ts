import { readFileSync } from 'node:fs';
import path from 'node:path';
import { ofKind, readCombinations, unlessEqual, violations } from './combinations';
import { manifests } from './render';

const rendered = readCombinations();
const deployments = () => ofKind(rendered, 'Deployment');

it.each([
  ['polaris.fairwinds.com/pullPolicyNotAlways-exempt', 'true'],
  ['polaris.fairwinds.com/priorityClassNotSet-exempt', 'true'],
])('every Deployment is exempt: %s', (annotation, expected) => {
  const faults = violations(deployments(), ({ metadata }) =>
    unlessEqual(metadata.annotations?.[annotation], expected),
  );
  expect(faults).toEqual({});
});

it('kube-score passes over the pull policy, and for development over the writable root', () => {
  const faults = violations(deployments(), ({ metadata }, { components }) =>
    unlessEqual(
      metadata.annotations?.['kube-score/ignore'],
      components.includes('dev')
        ? 'container-image-pull-policy,container-security-context-readonlyrootfilesystem'
        : 'container-image-pull-policy',
    ),
  );
  expect(faults).toEqual({});
});

it('polaris passes over missing replicas where there is an autoscaler, and nowhere else', () => {
  const faults = violations(deployments(), ({ metadata }, { components }) =>
    unlessEqual(
      metadata.annotations?.['polaris.fairwinds.com/deploymentMissingReplicas-exempt'],
      components.includes('hpa') ? 'true' : undefined,
    ),
  );
  expect(faults).toEqual({});
});

it('kube-linter is told why wherever it passes over something', () => {
  const faults = violations(rendered, ({ metadata: { annotations = {} } }) =>
    Object.entries(annotations).find(
      ([key, why]) => key.startsWith('ignore-check.kube-linter.io/') && !/\w+ \w+/.test(why),
    ),
  );
  expect(faults).toEqual({});
});

it.each([
  'base/pods.yaml',
  'components/dev/pods.yaml',
  'components/hpa/no-replicas.yaml',
  'components/network-policies/policies/client.yaml',
  'components/database-postgres/server/stateful-set.yaml',
  'components/registry-consul/server/stateful-set.yaml',
])('the reason of an exemption is a comment in %s', (file) => {
  const text = readFileSync(path.join(manifests, file), 'utf8');
  expect(text).toMatch(/annotations:\n\s+# \w/);
});
