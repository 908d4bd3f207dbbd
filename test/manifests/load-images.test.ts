import { describeScripts, ScriptTools } from './script-tools';

const archive = expect.stringMatching(/\/images\.tar$/) as string;
const hash = '0123456789ab';
const docker = `
'image inspect --format {{.Id}} '*) echo sha256:${hash}cdef ;;
save*) echo archive ;;`;
const names = ['metadata', 'rating', 'movie'].flatMap((service) => [
  `localhost/movies/${service}:1.2.3-${hash}`,
  `localhost/movies/${service}:1.2.3`,
]);
const loaded = names.map((name) => `${name} loaded\n`).join('');
const place = (context: string) => `make load-images: context ${context}, namespace movies\n`;

describeScripts('make load-images', (shell) => {
  let tools: ScriptTools;
  beforeEach(() => {
    tools = new ScriptTools(shell).add('docker', docker);
  });
  afterEach(() => {
    tools.remove();
  });
  const run = (env = {}) => tools.run('load-images.sh', env);

  it.each([
    ['kind-blue', 'kind-blue'],
    ['renamed', 'kind-blue'],
    ['kind-blue', 'another'],
  ])('loads into kind in the context %s of the cluster %s', (context, cluster) => {
    tools.kubectl({ context, cluster }).add('kind');
    expect(run()).toEqual({ code: 0, output: loaded, errors: place(context) });
    expect(tools.calls('kind')).toEqual([
      expect.stringMatching(/^kind load image-archive --name blue \/\S+\/images\.tar$/),
    ]);
  });

  it.each(['minikube', 'renamed'])('loads into minikube in the context %s', (context) => {
    tools.kubectl({ context, cluster: 'green', isMinikube: true });
    tools.add('minikube', `*'image ls') printf '%s\\n' ${names.join(' ')} ;;`);
    expect(run()).toEqual({ code: 0, output: loaded, errors: place(context) });
    expect(tools.calls('minikube')).toEqual([
      expect.stringMatching(/^minikube --profile green image load \/\S+\/images\.tar$/),
      'minikube --profile green image ls',
    ]);
  });

  it('fails where minikube says that it has loaded and has not', () => {
    tools.kubectl({ context: 'minikube', isMinikube: true });
    tools.add('minikube', `*'image ls') printf '%s\\n' ${names.slice(1).join(' ')} ;;`);
    const { code, errors } = run();
    expect(code).toBe(1);
    expect(errors).toContain(`make load-images: minikube has not taken ${String(names[0])}\n`);
  });

  it('imports into k3d', () => {
    tools.kubectl({ context: 'renamed', cluster: 'k3d-red' }).add('k3d');
    expect(run().code).toBe(0);
    expect(tools.calls('k3d')).toEqual([
      expect.stringMatching(/^k3d image import --cluster red \/\S+\/images\.tar$/),
    ]);
  });

  it.each(['docker-desktop', 'orbstack', 'colima', 'colima-work', 'rancher-desktop'])(
    'has nothing to load into %s, and says which engine built',
    (context) => {
      tools.kubectl({ context }, `*' get nodes '*) echo docker://28.3.0 ;;`);
      tools.add('docker', `${docker}\n'info --format {{.Name}}, '*) echo vm, Linux ;;`);
      const { code, output } = run();
      expect([code, output]).toEqual([
        0,
        `nothing to load: '${context}' has the images of its own engine; these were built by the engine of vm, Linux\n`,
      ]);
      expect(tools.calls('docker').join()).not.toContain('docker save');
    },
  );

  it.each([
    ['colima', 1],
    ['rancher-desktop', 1],
    // Its nodes take images from its engine, also those that kind made.
    ['docker-desktop', 0],
  ])('in %s whose nodes run containerd, ends with %i', (context, expected) => {
    tools.kubectl({ context }, `*' get nodes '*) echo containerd://2.1.0 ;;`);
    const { code, errors } = run();
    expect(code).toBe(expected);
    if (expected === 1)
      expect(errors).toContain(`the nodes of '${context}' run containerd://2.1.0`);
  });

  it.each(['docker-desktop', 'orbstack'])(
    'has nothing to load into %s, also while its cluster does not answer',
    (context) => {
      tools.kubectl({ context }, `*' get nodes '*) echo refused >&2; exit 1 ;;`);
      tools.add('docker', `${docker}\n'info --format {{.Name}}, '*) echo vm, Linux ;;`);
      const { code, output } = run();
      expect(code).toBe(0);
      expect(output).toContain(`nothing to load: '${context}' has the images`);
    },
  );

  it('gives the archive to IMAGE_LOADER, and then asks for no context', () => {
    tools.add('loader');
    expect(run({ IMAGE_LOADER: 'loader --quick' })).toEqual({
      code: 0,
      output: loaded,
      errors: '',
    });
    expect(tools.calls('loader').map((call) => call.split(' '))).toEqual([
      ['loader', '--quick', archive],
    ]);
  });

  it('saves all in one archive, under both names, through the shell', () => {
    tools.add('loader').run('load-images.sh', { IMAGE_LOADER: 'loader' });
    expect(tools.calls('docker').at(-1)).toBe(`docker save ${names.join(' ')}`);
  });

  it('saves one platform where the image store may hold several', () => {
    const store = `
'info --format {{.DriverStatus}}') echo '[[driver-type io.containerd.snapshotter.v1]]' ;;
'version --format'*) echo linux/arm64 ;;`;
    tools.add('loader').add('docker', store + docker);
    expect(run({ IMAGE_LOADER: 'loader' }).code).toBe(0);
    expect(tools.calls('docker')).toContain(
      `docker save --platform linux/arm64 ${names.join(' ')}`,
    );
  });

  it.each([
    ['podman', 'podman', "version) echo 'Client: Podman Engine' ;;"],
    ['docker', 'docker', "version) echo 'Server: linux/amd64 Podman Engine:' ;;"],
  ])('saves one image after the other with podman behind %s', (_, client, answer) => {
    tools.add('loader').add(client, answer + docker);
    expect(run({ IMAGE_LOADER: 'loader', DOCKER: client })).toMatchObject({ code: 0 });
    expect(tools.calls(client).filter((call) => call.includes(' save '))).toEqual([
      `${client} save ${names.slice(0, 2).join(' ')}`,
      `${client} save ${names.slice(2, 4).join(' ')}`,
      `${client} save ${names.slice(4).join(' ')}`,
    ]);
    expect(tools.calls('loader')).toHaveLength(3);
  });

  it('touches no cluster that it does not know', () => {
    tools.kubectl({ context: 'production' }).add('kind').add('minikube');
    expect(run()).toEqual({
      code: 1,
      output: '',
      errors: `${place('production')}make load-images: there is no way known into the cluster of the context 'production': IMAGE_LOADER=<command that reads image archives>, or make deploy REGISTRY=<where the cluster can pull from>\n`,
    });
    expect(tools.calls('docker').join()).not.toContain('docker save');
  });

  it.each([
    ['no Docker', { DOCKER: 'nodocker' }, 'nodocker is not there; make doctor says'],
    ['no kubectl', {}, 'kubectl is not there; make doctor says how to get it'],
    ['a VERSION that is no tag', { VERSION: '1.0+x' }, 'VERSION is up to 63 letters, digits'],
    ['a VERSION that is too long', { VERSION: 'v'.repeat(64) }, 'VERSION is up to 63'],
    ['a REGISTRY that is none', { REGISTRY: 'ghcr.io/You' }, 'REGISTRY is what the images'],
    ['a NAMESPACE that is none', { NAMESPACE: 'Mine' }, 'NAMESPACE is up to 63 of a-z'],
  ])('says that there is %s', (_, env, message) => {
    const { code, errors } = run(env);
    expect([code, errors]).toEqual([1, expect.stringContaining(`make load-images: ${message}`)]);
  });

  it('says that there is no kind', () => {
    tools.kubectl({ context: 'kind-blue' });
    expect(run().errors).toContain('make load-images: kind is not there; make doctor says');
  });

  it('says which image is missing, and how to make it', () => {
    const none = `'image inspect --format {{.Id}} localhost/movies/rating:1.2.3') exit 1 ;;`;
    tools.add('docker', none + docker).add('loader');
    expect(run({ IMAGE_LOADER: 'loader' })).toEqual({
      code: 1,
      output: '',
      errors:
        'make load-images: there is no localhost/movies/rating:1.2.3: make images VERSION=1.2.3\n',
    });
  });

  it('fails with what loads', () => {
    tools.add('loader', '*) exit 3 ;;');
    expect(run({ IMAGE_LOADER: 'loader' })).toEqual({
      code: 1,
      output: '',
      errors: "make load-images: 'loader' has failed\n",
    });
  });
});
