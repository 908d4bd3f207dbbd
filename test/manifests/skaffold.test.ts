import Ajv from 'ajv';
import { readdirSync } from 'node:fs';
import path from 'node:path';
import {
  parseSkaffoldYaml,
  skaffoldConfig,
  syncDestinations,
  type Artifact,
} from '../skaffold-config';
import { subsets } from './combinations';
import { dockerfile, instructionsOf, isIgnored, stage, wordsOf } from './dockerfile';
// Of Skaffold's documentation (Apache-2.0).
import schema from './schemas/skaffold-v4beta13.json';
import { imageOf, serviceNames } from './service-names';

const root = path.resolve(__dirname, '../..');
const validate = new Ajv({ allErrors: true, strict: false, logger: false }).compile(schema);
const base = skaffoldConfig();
const dev = skaffoldConfig('dev');
const images = serviceNames.map(imageOf);

/** Every file that a build may see. */
const context = readdirSync(root, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => path.relative(root, path.join(entry.parentPath, entry.name)))
  .filter((file) => !isIgnored(file));

describe('the schema of Skaffold 2.15', () => {
  it('is kept', () => {
    expect(validate(parseSkaffoldYaml())).toBe(true);
  });

  it.each([
    ['an unknown field', { build: { artefacts: [] } }],
    ['an ill-typed one', { deploy: { statusCheckDeadlineSeconds: 'long' } }],
    ['one deep below', { build: { artifacts: [{ image: 'a', docker: { file: 'b' } }] } }],
    ['one in a profile', { profiles: [{ name: 'a', activate: [] }] }],
  ])('would not be with %s', (_, part) => {
    expect(validate({ ...(parseSkaffoldYaml() as object), ...part })).toBe(false);
  });
});

describe('images', () => {
  it.each([
    ['by default', base],
    ['for dev', dev],
  ])('%s are those of the services, of the one Dockerfile', (_, { build }) => {
    expect(build.artifacts.map(({ image }) => image).sort()).toEqual(images);
    for (const { image, docker } of build.artifacts) {
      expect(imageOf(docker.buildArgs['SERVICE'] ?? '')).toBe(image);
      expect(Object.keys(docker.buildArgs)).toEqual(['SERVICE']);
    }
  });

  it('are alike but for what dev is about', () => {
    const common = ({ image, docker }: Artifact) => ({
      image,
      docker: { ...docker, target: undefined },
    });
    expect(dev.build.artifacts.map(common)).toEqual(base.build.artifacts.map(common));
  });

  it('are the last stage by default, and the stage dev for dev', () => {
    const targets = (artifacts: readonly Artifact[]) =>
      new Set(artifacts.map(({ docker }) => docker.target));
    expect(targets(base.build.artifacts)).toEqual(new Set([undefined]));
    expect(targets(dev.build.artifacts)).toEqual(new Set(['dev']));
    expect(dockerfile.getFROMs().map((from) => from.getBuildStage())).toContain('dev');
  });
});

describe('profiles', () => {
  it('by themselves come only dev, with its own command, and desktop, in the clusters that need no push', () => {
    const activated = base.profiles.flatMap(({ name, activation = [] }) =>
      activation.map((when) => ({ name, when })),
    );
    const kubeContext = '^(orbstack|colima|colima-.*|rancher-desktop)$';
    expect(activated).toEqual([
      { name: 'dev', when: { command: 'dev' } },
      { name: 'desktop', when: { kubeContext } },
    ]);
    const desktop = base.profiles.find(({ name }) => name === 'desktop');
    expect(desktop?.['patches']).toEqual([{ op: 'add', path: '/build/local/push', value: false }]);
  });

  it('all wait for a slow first start, and no failure before ends it', () => {
    for (const profiles of subsets(base.profiles.map(({ name }) => name))) {
      const { statusCheckDeadlineSeconds, tolerateFailuresUntilDeadline } = skaffoldConfig(
        ...profiles,
      ).deploy;
      expect({ profiles, statusCheckDeadlineSeconds, tolerateFailuresUntilDeadline }).toEqual({
        profiles,
        statusCheckDeadlineSeconds: 600,
        tolerateFailuresUntilDeadline: true,
      });
    }
  });

  it('of -p do not take away what dev is about', () => {
    const named = base.profiles.map(({ name }) => name).filter((name) => name !== 'dev');
    expect(named.length).toBeGreaterThan(0);
    for (const name of named) {
      const { build, manifests } = skaffoldConfig('dev', name);
      expect(build).toEqual(dev.build);
      const components = manifests.hooks?.after.flatMap(({ host }) => host.command.slice(2));
      expect(components).toContain('dev');
    }
  });
});

describe.each(dev.build.artifacts.map((artifact) => [artifact.image, artifact] as const))(
  'sync into %s',
  (image, artifact) => {
    const copied = copiedInto('dev', path.basename(image));
    const inSync = [...copied.keys()].filter((file) => syncDestinations(artifact, file).length > 0);
    const isBuilt = /(^|\/)package\.json$|^package-lock\.json$|^tsconfig\.json$/;

    it('is of every source, and of nothing that is installed or decides how', () => {
      const rest = [...copied.keys()].filter((file) => !inSync.includes(file));
      const built = [...copied.keys()].filter((file) => isBuilt.test(file));
      expect(inSync.length).toBeGreaterThan(50);
      expect(built).toContain(`services/${path.basename(image)}/package.json`);
      expect(rest.sort()).toEqual(built.sort());
    });

    it('puts each once, where the stage has it', () => {
      const wrong = inSync.filter((file) => {
        const destinations = syncDestinations(artifact, file);
        return destinations.length !== 1 || destinations[0] !== copied.get(file);
      });
      expect(wrong).toEqual([]);
    });

    it('has no rule without a file, or for files of another image', () => {
      const rules = artifact.sync?.manual ?? [];
      const matches = rules.map(({ src }) => context.filter((file) => path.matchesGlob(file, src)));
      expect(matches.map((files) => files.length > 0)).toEqual(rules.map(() => true));
      expect(matches.flat().filter((file) => !copied.has(file))).toEqual([]);
    });
  },
);

/** The files that a stage copies from the repository, and where it has them. */
function copiedInto(name: string, service: string): ReadonlyMap<string, string> {
  const lines = [
    ...instructionsOf('COPY', stage(name)),
    ...instructionsOf('COPY', stage('manifests')),
  ];
  const files = new Map<string, string>();
  for (const line of lines) {
    if (line.getTextContent().includes('--from=')) continue;
    const words = wordsOf(line).map((word) => word.replace('${SERVICE}', service));
    const target = words.pop() ?? '';
    for (const source of words) {
      for (const file of context) {
        if (file !== source && !file.startsWith(`${source}/`)) continue;
        // A folder's content goes into the target, a file to its name.
        const rest = file === source ? path.basename(file) : file.slice(source.length + 1);
        const inFolder = target.endsWith('/') || file !== source ? path.join(target, rest) : target;
        files.set(file, path.posix.resolve('/app', inFolder.replace(/^\//, '')));
      }
    }
  }
  return files;
}
