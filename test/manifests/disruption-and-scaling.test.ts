import {
  type Rendered,
  differing,
  ofKind,
  readCombinations,
  unlessEqual,
  violations,
} from './combinations';
import { at } from './kube-object';
import { serviceNames } from './service-names';

const rendered = readCombinations();
const budgets = () => ofKind(rendered, 'PodDisruptionBudget');
const autoscalers = () => ofKind(rendered, 'HorizontalPodAutoscaler');

it.each(serviceNames)('%s has a budget in every overlay, with its selector', (name) => {
  const selector = { matchLabels: { 'app.kubernetes.io/name': name } };
  const its = budgets().filter(({ object }) => object.metadata.name === name);
  expect(new Set(its.map(({ combination }) => combination.name))).toEqual(
    new Set(rendered.map(({ combination }) => combination.name)),
  );
  expect(differing(its, 'spec.selector', selector)).toEqual({});
});

it.each([
  ['apiVersion', 'policy/v1'],
  ['spec.maxUnavailable', 1],
  ['spec.minAvailable', undefined],
  ['spec.unhealthyPodEvictionPolicy', 'AlwaysAllow'],
])('%s of a budget is %j', (path, expected) => {
  expect(differing(budgets(), path, expected)).toEqual({});
});

it('there are autoscalers with the component hpa, one a service, and none without', () => {
  const expected = ofKind(rendered, 'Deployment').filter(({ combination }) =>
    combination.components.includes('hpa'),
  );
  const names = (list: readonly Rendered[]) =>
    list.map(({ combination, object }) => `${combination.name} ${object.metadata.name}`).sort();
  expect(names(autoscalers())).toEqual(names(expected));
});

it.each([
  ['apiVersion', 'autoscaling/v2'],
  ['spec.minReplicas', 2],
  ['spec.maxReplicas', 6],
  [
    'spec.metrics',
    [
      {
        resource: { name: 'cpu', target: { averageUtilization: 70, type: 'Utilization' } },
        type: 'Resource',
      },
    ],
  ],
  ['spec.behavior.scaleDown.stabilizationWindowSeconds', 300],
  ['spec.behavior.scaleUp.stabilizationWindowSeconds', 0],
  ['spec.behavior.scaleUp.policies', [{ periodSeconds: 15, type: 'Pods', value: 1 }]],
  ['spec.scaleTargetRef.apiVersion', 'apps/v1'],
  ['spec.scaleTargetRef.kind', 'Deployment'],
])('%s of an autoscaler is %j', (path, expected) => {
  expect(differing(autoscalers(), path, expected)).toEqual({});
});

it('an autoscaler scales the Deployment of its name', () => {
  const faults = violations(autoscalers(), (object) =>
    unlessEqual(at(object, 'spec.scaleTargetRef.name'), object.metadata.name),
  );
  expect(faults).toEqual({});
});
