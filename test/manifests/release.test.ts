import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { parseAllDocuments } from 'yaml';
import manifest from '../../package.json';
import { readCombinations, unlessEqual, violations } from './combinations';
import { at, isWorkload, listAt, type KubeObject } from './kube-object';
import { manifests } from './render';
import { imageOf, serviceNames } from './service-names';

const rendered = readCombinations();
const release = 'components/release/kustomization.yaml';

const tags: Readonly<Record<string, string>> = {
  ...Object.fromEntries(serviceNames.map((name) => [imageOf(name), manifest.version])),
  'gcr.io/distroless/nodejs24-debian12': 'nonroot',
  'hashicorp/consul': '1.22',
  postgres: '15-bookworm',
};

/** The images of a workload's pods, by the kind of container. */
const imagesOf = (object: KubeObject, containers: string) =>
  listAt(object, `spec.template.spec.${containers}`).map((one) => String(at(one, 'image')));

it.each([
  ['containers', { consul: 'hashicorp/consul', postgres: 'postgres' }],
  ['initContainers', { postgres: 'gcr.io/distroless/nodejs24-debian12' }],
])('%s have the images of the release', (containers, others: Readonly<Record<string, string>>) => {
  const workloads = rendered.filter(({ object }) => isWorkload(object));
  const faults = violations(workloads, (object) => {
    const { name } = object.metadata;
    const isService = containers === 'containers' && serviceNames.includes(name);
    const image = isService ? imageOf(name) : others[name];
    const expected = image === undefined ? [] : [`${image}:${tags[image] ?? 'none'}`];
    return unlessEqual(imagesOf(object, containers), expected);
  });
  expect(faults).toEqual({});
});

it('one list has the tags of all images', () => {
  const text = readFileSync(path.join(manifests, release), 'utf8');
  const [document] = parseAllDocuments(text);
  const images = listAt(document?.toJS(), 'images');
  expect(images.map((one) => [at(one, 'name'), at(one, 'newTag')]).sort()).toEqual(
    Object.entries(tags).sort(),
  );
});

it('no other manifest names a tag, or has a list of images', () => {
  const files = readdirSync(manifests, { recursive: true, encoding: 'utf8' });
  const others = files.filter((file) => file.endsWith('.yaml') && file !== release);
  expect(others.length).toBeGreaterThan(50);
  const found = others.flatMap((file) =>
    readFileSync(path.join(manifests, file), 'utf8')
      .split('\n')
      .filter((line) => /^\s*-?\s*image: .*[:@]|^images:/.test(line))
      .map((line) => `${file}: ${line.trim()}`),
  );
  expect(found).toEqual([]);
});
