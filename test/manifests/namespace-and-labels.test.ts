import manifest from '../../package.json';
import { differing, ofKind, readCombinations, unlessEqual, violations } from './combinations';
import { at, isRecord, isWorkload, listAt } from './kube-object';

const rendered = readCombinations();

it.each(['enforce', 'audit', 'warn'])('the Namespace has `restricted` to %s', (mode) => {
  const namespaces = ofKind(rendered, 'Namespace');
  const faults = violations(namespaces, ({ metadata: { name, labels = {} } }) =>
    name === 'movies' &&
    labels[`pod-security.kubernetes.io/${mode}`] === 'restricted' &&
    labels[`pod-security.kubernetes.io/${mode}-version`] === 'latest'
      ? undefined
      : labels,
  );
  expect(faults).toEqual({});
});

it('everything else is in it', () => {
  const others = rendered.filter(({ object }) => object.kind !== 'Namespace');
  expect(differing(others, 'metadata.namespace', 'movies')).toEqual({});
});

it.each(['name', 'instance', 'version', 'component', 'part-of', 'managed-by'])(
  'every object, and every pod, has the label app.kubernetes.io/%s',
  (label) => {
    const key = `app.kubernetes.io/${label}`;
    const faults = violations(rendered, (object) => {
      const labels = [object.metadata.labels, ...(isWorkload(object) ? [podLabels(object)] : [])];
      return labels.every((some) => (some?.[key] ?? '') !== '') ? undefined : labels;
    });
    expect(faults).toEqual({});
  },
);

it('all are part of movies, managed by kustomize', () => {
  const faults = violations(rendered, ({ metadata: { labels = {} } }) =>
    labels['app.kubernetes.io/part-of'] === 'movies' &&
    labels['app.kubernetes.io/managed-by'] === 'kustomize'
      ? undefined
      : labels,
  );
  expect(faults).toEqual({});
});

it('what is ours has the version in package.json, and what is not that of its image', () => {
  const others = new Map([
    ['consul', '1.22'],
    ['postgres', '15'],
  ]);
  const faults = violations(rendered, ({ metadata: { labels = {} } }) => {
    const { version } = manifest;
    const expected = others.get(labels['app.kubernetes.io/name'] ?? '') ?? version;
    const found = labels['app.kubernetes.io/version'];
    return found === expected ? undefined : found;
  });
  expect(faults).toEqual({});
});

it.each(['name', 'instance'])('the label %s of a workload is its name', (label) => {
  const workloads = rendered.filter(({ object }) => isWorkload(object));
  const faults = violations(workloads, (object) => {
    const { name, labels = {} } = object.metadata;
    const key = `app.kubernetes.io/${label}`;
    return labels[key] === name && podLabels(object)[key] === name ? undefined : labels[key];
  });
  expect(faults).toEqual({});
});

it('workloads select by name alone, which never changes', () => {
  const workloads = rendered.filter(({ object }) => isWorkload(object));
  const faults = violations(workloads, (object) => {
    const selector = at(object, 'spec.selector');
    const expected = { matchLabels: { 'app.kubernetes.io/name': object.metadata.name } };
    return JSON.stringify(selector) === JSON.stringify(expected) ? undefined : selector;
  });
  expect(faults).toEqual({});
});

it('templates of claims have no labels, since they cannot be changed', () => {
  const sets = ofKind(rendered, 'StatefulSet');
  const faults = violations(sets, (object) =>
    listAt(object, 'spec.volumeClaimTemplates')
      .map((template) => at(template, 'metadata.labels'))
      .find((labels) => labels !== undefined),
  );
  expect(faults).toEqual({});
});

it('what holds ${…} is annotated, so that Flux does not put its own variables there', () => {
  const annotation = 'kustomize.toolkit.fluxcd.io/substitute';
  const held = rendered.filter(({ object }) => JSON.stringify(object).includes('${'));
  expect(new Set(held.map(({ object }) => object.kind))).toEqual(new Set(['ConfigMap']));
  const faults = violations(held, ({ metadata }) =>
    unlessEqual(metadata.annotations?.[annotation], 'disabled'),
  );
  expect(faults).toEqual({});
});

function podLabels(workload: unknown): Readonly<Record<string, unknown>> {
  const labels = at(workload, 'spec.template.metadata.labels');
  return isRecord(labels) ? labels : {};
}
