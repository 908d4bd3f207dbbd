import { differing, ofKind, readCombinations, unlessEqual, violations } from './combinations';
import { at, isWorkload, listAt, type KubeObject } from './kube-object';

const rendered = readCombinations();

const deployments = (which: (components: readonly string[]) => boolean = () => true) =>
  ofKind(rendered, 'Deployment', (_, { components }) => which(components));

const pod = 'spec.template.spec';
const server = `${pod}.containers.0`;

it.each([
  ['spec.strategy', { rollingUpdate: { maxSurge: 1, maxUnavailable: 0 }, type: 'RollingUpdate' }],
  ['spec.revisionHistoryLimit', 3],
  // Skaffold would take it in place of its own deadline.
  ['spec.progressDeadlineSeconds', undefined],
  [`${pod}.terminationGracePeriodSeconds`, 40],
  [`${pod}.enableServiceLinks`, false],
  [`${pod}.automountServiceAccountToken`, false],
  [`${pod}.securityContext.runAsNonRoot`, true],
  [`${pod}.securityContext.runAsUser`, 65532],
  [`${pod}.securityContext.runAsGroup`, 65532],
  [`${pod}.securityContext.seccompProfile.type`, 'RuntimeDefault'],
  [`${pod}.priorityClassName`, undefined],
  [`${pod}.containers.1`, undefined],
  [`${server}.securityContext.allowPrivilegeEscalation`, false],
  [`${server}.securityContext.privileged`, false],
  [`${server}.securityContext.capabilities`, { drop: ['ALL'] }],
  [`${server}.imagePullPolicy`, 'IfNotPresent'],
  [`${server}.ports`, [{ containerPort: 8080, name: 'http', protocol: 'TCP' }]],
  [`${server}.resources.requests.cpu`, '50m'],
  [`${server}.resources.requests.memory`, '128Mi'],
  [`${server}.resources.limits.cpu`, '1'],
  [`${server}.startupProbe.httpGet`, { path: '/livez', port: 'http' }],
  [`${server}.startupProbe.periodSeconds`, 1],
  [`${server}.startupProbe.timeoutSeconds`, 2],
  [`${server}.startupProbe.failureThreshold`, 30],
  [`${server}.readinessProbe.httpGet`, { path: '/readyz', port: 'http' }],
  [`${server}.readinessProbe.periodSeconds`, 5],
  [`${server}.readinessProbe.timeoutSeconds`, 2],
  [`${server}.readinessProbe.failureThreshold`, 2],
  [`${server}.readinessProbe.successThreshold`, 1],
  [`${server}.lifecycle`, { preStop: { sleep: { seconds: 5 } } }],
  // The image says what runs, and how large the heap is.
  [`${server}.command`, undefined],
  [`${server}.args`, undefined],
])('%s is %j', (path, expected) => {
  expect(differing(deployments(), path, expected)).toEqual({});
});

it.each([
  ['spec.minReadySeconds', 5, 0],
  [`${server}.securityContext.readOnlyRootFilesystem`, true, false],
  [`${server}.resources.requests.ephemeral-storage`, '16Mi', '64Mi'],
  [`${server}.resources.limits.memory`, '256Mi', '512Mi'],
  [`${server}.resources.limits.ephemeral-storage`, '64Mi', '256Mi'],
  [`${server}.livenessProbe.httpGet`, { path: '/livez', port: 'http' }, undefined],
  [`${server}.livenessProbe.periodSeconds`, 10, undefined],
  [`${server}.livenessProbe.timeoutSeconds`, 5, undefined],
  [`${server}.livenessProbe.failureThreshold`, 3, undefined],
])('%s is %j, and %j for development', (path, expected, inDevelopment) => {
  const isDev = (components: readonly string[]) => components.includes('dev');
  expect(
    differing(
      deployments((all) => !isDev(all)),
      path,
      expected,
    ),
  ).toEqual({});
  expect(differing(deployments(isDev), path, inDevelopment)).toEqual({});
});

it('there are two replicas, unless an autoscaler says how many', () => {
  const isScaled = (components: readonly string[]) => components.includes('hpa');
  expect(
    differing(
      deployments((all) => !isScaled(all)),
      'spec.replicas',
      2,
    ),
  ).toEqual({});
  expect(differing(deployments(isScaled), 'spec.replicas', undefined)).toEqual({});
});

it('pods are spread over nodes and zones, each rollout by itself', () => {
  const faults = violations(deployments(), (object) => {
    const expected = ['kubernetes.io/hostname', 'topology.kubernetes.io/zone'].map(
      (topologyKey) => ({
        labelSelector: at(object, 'spec.selector'),
        matchLabelKeys: ['pod-template-hash'],
        maxSkew: 1,
        topologyKey,
        whenUnsatisfiable: 'ScheduleAnyway',
      }),
    );
    return unlessEqual(at(object, `${pod}.topologySpreadConstraints`), expected);
  });
  expect(faults).toEqual({});
});

it('pods keep off nodes that have one, where there are others', () => {
  const faults = violations(deployments(), (object) =>
    unlessEqual(at(object, `${pod}.affinity`), {
      podAntiAffinity: {
        preferredDuringSchedulingIgnoredDuringExecution: [
          {
            podAffinityTerm: {
              labelSelector: at(object, 'spec.selector'),
              // A rollout's new pods keep off one another, and not off the old ones.
              matchLabelKeys: ['pod-template-hash'],
              topologyKey: 'kubernetes.io/hostname',
            },
            weight: 100,
          },
        ],
      },
    }),
  );
  expect(faults).toEqual({});
});

it('each has the service account of its name', () => {
  const faults = violations(deployments(), (object) =>
    unlessEqual(at(object, `${pod}.serviceAccountName`), object.metadata.name),
  );
  expect(faults).toEqual({});
});

it.each([
  ['POD_NAME', 'metadata.name'],
  ['POD_IP', 'status.podIP'],
  ['POD_NAMESPACE', 'metadata.namespace'],
  ['NODE_NAME', 'spec.nodeName'],
])('%s is %s', (name, fieldPath) => {
  const faults = violations(deployments(), (object) =>
    unlessEqual(variable(object, name), { name, valueFrom: { fieldRef: { fieldPath } } }),
  );
  expect(faults).toEqual({});
});

it('a variable that another refers to comes before it, or the kubelet would not expand it', () => {
  const faults = violations(
    rendered.filter(({ object }) => isWorkload(object)),
    (object) => {
      const known = new Set<unknown>();
      for (const one of listAt(object, `${server}.env`)) {
        const [, name] = /\$\((\w+)\)/.exec(String(at(one, 'value'))) ?? [];
        if (name !== undefined && !known.has(name)) return one;
        known.add(at(one, 'name'));
      }
      return undefined;
    },
  );
  expect(faults).toEqual({});
});

it('ZONE is that of the node, with the component zone-aware', () => {
  const fieldPath = "metadata.labels['topology.kubernetes.io/zone']";
  const isAware = (components: readonly string[]) => components.includes('zone-aware');
  const faults = violations(deployments(isAware), (object) =>
    unlessEqual(variable(object, 'ZONE'), { name: 'ZONE', valueFrom: { fieldRef: { fieldPath } } }),
  );
  expect(faults).toEqual({});
});

it('no variable is a secret, or sets the heap that the image sizes', () => {
  const faults = violations(deployments(), (object) =>
    listAt(object, `${server}.env`).find(
      (one) =>
        at(one, 'valueFrom.secretKeyRef') !== undefined || at(one, 'name') === 'NODE_OPTIONS',
    ),
  );
  expect(faults).toEqual({});
});

function variable(object: KubeObject, name: string): unknown {
  return listAt(object, `${server}.env`).find((one) => at(one, 'name') === name);
}
