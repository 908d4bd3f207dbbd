import { readFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { parseObjects, renderTextWith } from './render';
import { at, nameOf, type KubeObject } from './kube-object';

export const overlays = ['kubernetes', 'dns', 'consul', 'database-url'] as const;

/** Components that go with every overlay, and with each other. */
const components = ['dev', 'hpa', 'zone-aware'] as const;

/** An overlay with some of the components. */
export interface Combination {
  /** As in `kubernetes+dev+hpa`. */
  readonly name: string;
  readonly overlay: (typeof overlays)[number];
  /** Where peers come from. */
  readonly registry: 'kubernetes' | 'dns' | 'consul';
  readonly components: readonly string[];
}

/** An object, and the combination in which it is. */
export interface Rendered {
  readonly combination: Combination;
  readonly object: KubeObject;
}

/** Every overlay with every set of components that it takes, and with the ways in. */
export const combinations: readonly Combination[] = overlays.flatMap((overlay) => {
  const registry = overlay === 'database-url' ? 'kubernetes' : overlay;
  // Endpoints are an API of Kubernetes, and so for who asks that only.
  const own = registry === 'kubernetes' ? [...components, 'endpoints'] : components;
  // A way in adds objects and changes none, so it is rendered alone, and with everything else.
  const chosenSets = [...subsets(own), ['gateway'], [...own, 'gateway'], ['gateway/ingress']];
  return chosenSets.map((chosen) => ({
    name: [overlay, ...chosen].join('+'),
    overlay,
    registry,
    components: chosen,
  }));
});

/** The environment variable with the path of the file in which jest finds what was rendered. */
export const renderedFile = 'MOVIES_RENDERED_MANIFESTS';

/** All objects of all combinations. */
export async function renderCombinations(): Promise<readonly Rendering[]> {
  return Promise.all(
    combinations.map(async ({ name, overlay, components }) => ({
      name,
      objects: parseObjects(await renderTextWith(`overlays/${overlay}`, components)),
    })),
  );
}

interface Rendering {
  readonly name: string;
  readonly objects: readonly KubeObject[];
}

/** The same, as rendered before the first test. */
export function readCombinations(): readonly Rendered[] {
  const file = process.env[renderedFile];
  if (file === undefined) throw new Error(`${renderedFile} is not set: see render-once.ts`);
  const renderings = JSON.parse(readFileSync(file, 'utf8')) as readonly Rendering[];
  return renderings.flatMap(({ name, objects }) => {
    const combination = combinations.find((one) => one.name === name);
    if (combination === undefined) throw new Error(`there is no combination '${name}'`);
    return objects.map((object) => ({ combination, object }));
  });
}

/** Where what is at a path is not as expected, and what is there instead. */
export function differing(
  rendered: readonly Rendered[],
  path: string,
  expected: unknown,
): Readonly<Record<string, unknown>> {
  return violations(rendered, (object) => unlessEqual(at(object, path), expected));
}

/** What was found, unless it is what was expected. */
export function unlessEqual(found: unknown, expected: unknown): unknown {
  return isDeepStrictEqual(found, expected) ? undefined : (found ?? 'absent');
}

/** What is wrong with which object, for those where something is. Looking at nothing would prove nothing. */
export function violations(
  rendered: readonly Rendered[],
  judge: (object: KubeObject, combination: Combination) => unknown,
): Readonly<Record<string, unknown>> {
  if (rendered.length === 0) throw new Error('there is no such object');
  return Object.fromEntries(
    rendered.flatMap(({ combination, object }) => {
      const fault = judge(object, combination);
      return fault === undefined ? [] : [[`${combination.name} ${nameOf(object)}`, fault]];
    }),
  );
}

/** Every set of some of these, the empty one first. */
export function subsets(names: readonly string[]): string[][] {
  return names.reduce<string[][]>(
    (sets, name) => [...sets, ...sets.map((s) => [...s, name])],
    [[]],
  );
}

/** Those of a kind. */
export function ofKind(
  rendered: readonly Rendered[],
  kind: string,
  which: (object: KubeObject, combination: Combination) => boolean = () => true,
): readonly Rendered[] {
  return rendered.filter(
    ({ combination, object }) => object.kind === kind && which(object, combination),
  );
}
