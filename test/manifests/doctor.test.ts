import { describeScripts, ScriptTools } from './script-tools';

/** What each tool answers when all is as it should be. */
const right = {
  make: "--version) echo 'GNU Make 3.81' ;;",
  npm: '--version) echo 11.0.0 ;;',
  node: '--version) echo v20.17.0 ;;',
  docker: `
'version --format {{.Client.Version}}') echo 23.0.0 ;;
'version --format {{.Server.Version}}') echo 23.0.1 ;;`,
  kind: "version) echo 'kind v0.25.0 go1.22.9 linux/amd64' ;;",
  skaffold: 'version) echo v2.15.0 ;;',
} as const;
const kubectl = (client: string, server: string) => `
'version --client') printf '%s\\n' '${client}' 'Kustomize Version: v5.5.0' ;;
*'get --raw /version') printf '%s\\n' '{' '  "gitVersion": "${server}",' '}' ;;`;

describeScripts('make doctor', (shell) => {
  let tools: ScriptTools;
  beforeEach(() => {
    tools = new ScriptTools(shell);
    for (const [name, answers] of Object.entries(right)) tools.add(name, answers);
    tools.kubectl({ context: 'kind-blue' }, kubectl('Client Version: v1.27.0', 'v1.30.0'));
  });
  afterEach(() => {
    tools.remove();
  });

  function run(env = {}) {
    const { code, output, errors } = tools.run('doctor.sh', env);
    const words = output.split('\n').map((line) => line.trim().replaceAll(/ {2,}/g, ' | '));
    return { code, errors, words };
  }

  it('begins with what make deploy needs, and finds nothing to say', () => {
    const { code, errors, words } = run();
    expect(words.slice(0, 6)).toEqual([
      'Needed by make deploy:',
      'kubectl | 1.27.0 | ok',
      'context | kind-blue | of kubectl',
      'cluster | 1.30.0 | ok',
      'docker client | 23.0.0 | ok',
      'docker engine | 23.0.1 | ok',
    ]);
    expect(words).toContain(
      'Nothing is missing for make start, make test, make deploy and make dev.',
    );
    expect({ code, errors }).toEqual({ code: 0, errors: '' });
  });

  it.each([
    [
      'make',
      '3.80',
      'make | 3.80 | TOO OLD: needs 3.81 or newer',
      'make start, make test: make 3.81',
      1,
    ],
    [
      'npm',
      '10.9.2',
      'npm | 10.9.2 | TOO OLD: needs 11.0 or newer',
      'make start, make test: npm 11.0',
      1,
    ],
    [
      'node',
      'v20.16.0',
      'node | 20.16.0 | TOO OLD: needs 20.17',
      'make start, make test: node 20.17',
      1,
    ],
    [
      'node',
      'v18.20.4',
      'node | 18.20.4 | TOO OLD: needs 20.17',
      'make start, make test: node 20.17',
      1,
    ],
    ['node', 'v22.0.0', 'node | 22.0.0 | ok', undefined, 0],
    [
      'npm',
      '',
      'npm | not found | MISSING: needs 11.0 or newer',
      'make start, make test: npm 11.0',
      1,
    ],
    [
      'skaffold',
      'v2.14.1',
      'skaffold | 2.14.1 | TOO OLD: needs 2.15',
      'make dev: skaffold 2.15',
      0,
    ],
    ['skaffold', '', 'skaffold | not found | MISSING: needs 2.15', 'make dev: skaffold 2.15', 0],
    [
      'kind',
      'kind v0.24.0 go1.22',
      'kind | 0.24.0 | TOO OLD: needs 0.25',
      'make deploy: kind 0.25',
      0,
    ],
    ['k3d', 'k3d version v5.6.0', 'k3d | 5.6.0 | ok', undefined, 0],
    ['kind', '', 'kind | not found | needs 0.25', 'make cluster-up: kind 0.25', 0],
    [
      'docker',
      '22.0.0',
      'docker engine | 22.0.0 | TOO OLD: needs 23.0',
      'make deploy, make images: docker engine 23.0',
      0,
    ],
    [
      'docker',
      '',
      'docker engine | not found | MISSING: needs 23.0',
      'make deploy, make images: docker client 23.0',
      0,
    ],
  ])('judges %s %j', (tool, version, row, lacking, expected) => {
    tools.add(tool, version === '' ? '*) exit 127 ;;' : `*ersion*) echo '${version}' ;;`);
    const { code, words } = run();
    expect(words).toContainEqual(expect.stringContaining(row));
    const told = words.filter((line) => line.startsWith('Lacking for '));
    if (lacking === undefined) expect(told).toEqual([]);
    else expect(told).toContain(`Lacking for ${lacking}`);
    expect(code).toBe(expected);
  });

  it.each([
    [
      'Client Version: v1.26.15',
      'v1.30.0',
      'kubectl | 1.26.15 | TOO OLD: needs 1.27',
      'kubectl 1.27',
    ],
    [
      'Client Version: version.Info{Major:"1", Minor:"26", GitVersion:"v1.26.3", GoVersion:"go1.19.7"}',
      'v1.30.0',
      'kubectl | 1.26.3 | TOO OLD',
      'kubectl 1.27',
    ],
    [
      'Client Version: v1.32.4-dispatcher',
      'v1.29.9-gke.1',
      'cluster | 1.29.9 | TOO OLD: needs 1.30',
      'cluster 1.30',
    ],
    ['Client Version: v2.0.0', '', 'cluster | no answer | MISSING', 'a cluster that answers'],
  ])('judges kubectl %j and a cluster of %j', (client, server, row, lacking) => {
    tools.kubectl({ context: 'kind-blue' }, kubectl(client, server));
    const { code, words } = run();
    expect(words).toContainEqual(expect.stringContaining(row));
    expect(words).toContain(`Lacking for make deploy: ${lacking}`);
    expect(code).toBe(0);
  });

  it('says that there is no context, and how to get one', () => {
    tools.add('kubectl', `'config '*) exit 1 ;;${kubectl('Client Version: v1.30.0', '')}`);
    const { words } = run();
    expect(words).toContain('cluster | no current context | MISSING: make cluster-up makes one');
    expect(words).toContain('Lacking for make deploy: a cluster');
  });

  it('wants Docker 28 with the image store of containerd', () => {
    const store = `'info --format {{.DriverStatus}}') echo '[[driver-type io.containerd.snapshotter.v1]]' ;;`;
    tools.add('docker', store + right.docker);
    expect(run().words).toContain('Lacking for make deploy, make images: docker engine 28.0');
  });

  it('says what it knows of podman', () => {
    tools.add(
      'podman',
      "--version) echo 'podman version 5.4.2' ;;\nversion) echo 'Client: Podman Engine' ;;",
    );
    expect(run({ DOCKER: 'podman' }).words).toContainEqual(
      expect.stringMatching(/^docker \| podman 5\.4\.2 \| not tried/),
    );
  });

  it.each([
    ['minikube', { context: 'green', isMinikube: true }, {}, 'minikube 1.30'],
    ['k3d', { context: 'k3d-red' }, {}, 'k3d 5.0'],
    [
      'a registry or a loader',
      { context: 'production' },
      {},
      'IMAGE_LOADER or REGISTRY, as this context is of no cluster of this machine',
    ],
    ['nothing', { context: 'production' }, { REGISTRY: 'ghcr.io/you' }, undefined],
    ['nothing', { context: 'production' }, { IMAGE_LOADER: 'load' }, undefined],
    ['nothing', { context: 'orbstack' }, {}, undefined],
  ])('wants %s for the images in the context %j with %j', (_, context, env, lacking) => {
    tools.kubectl(context, kubectl('Client Version: v1.34.0', 'v1.34.0'));
    const told = run(env).words.filter((line) => line.startsWith('Lacking for make deploy'));
    expect(told).toEqual(lacking === undefined ? [] : [`Lacking for make deploy: ${lacking}`]);
  });
});
