import { differing, ofKind, readCombinations } from './combinations';

const rendered = readCombinations();
const consul = () => ofKind(rendered, 'StatefulSet', ({ metadata }) => metadata.name === 'consul');
const pod = 'spec.template.spec';
const server = `${pod}.containers.0`;

it.each([
  ['spec.replicas', 1],
  ['spec.serviceName', 'consul-headless'],
  ['spec.persistentVolumeClaimRetentionPolicy', { whenDeleted: 'Delete', whenScaled: 'Retain' }],
  [`${pod}.serviceAccountName`, 'consul'],
  [`${pod}.enableServiceLinks`, false],
  [`${pod}.securityContext.runAsUser`, 65532],
  [`${pod}.securityContext.runAsGroup`, 65532],
  // What it may write to is a volume, which is its group's.
  [`${pod}.securityContext.fsGroup`, 65532],
  [`${server}.securityContext.readOnlyRootFilesystem`, true],
  [`${server}.volumeMounts`, [{ mountPath: '/consul/data', name: 'data' }]],
  [`${server}.imagePullPolicy`, 'IfNotPresent'],
  [`${server}.ports`, [{ containerPort: 8500, name: 'http', protocol: 'TCP' }]],
  // Ready is who has a leader; alive is who answers.
  [`${server}.readinessProbe.httpGet`, { path: '/v1/catalog/nodes', port: 'http' }],
  [`${server}.livenessProbe.httpGet`, { path: '/v1/agent/self', port: 'http' }],
  [`${server}.startupProbe.httpGet`, { path: '/v1/agent/self', port: 'http' }],
  [`${server}.resources.requests`, { cpu: '100m', 'ephemeral-storage': '16Mi', memory: '128Mi' }],
  [`${server}.resources.limits`, { cpu: '1', 'ephemeral-storage': '64Mi', memory: '512Mi' }],
])('%s is %j', (path, expected) => {
  expect(differing(consul(), path, expected)).toEqual({});
});

it('is in the overlay consul only', () => {
  expect(new Set(consul().map(({ combination }) => combination.overlay))).toEqual(
    new Set(['consul']),
  );
});
