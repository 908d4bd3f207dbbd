import { describeScripts, ScriptTools } from './script-tools';

const hash = '0123456789ab';
const docker = `
'image inspect --format {{.Id}} '*) echo sha256:${hash}cdef ;;
'image inspect --format {{.Size}} '*) echo 123456789 ;;
'image inspect '*:1.2.3-*) exit 1 ;;`;
const services = ['metadata', 'rating', 'movie'];

describeScripts('make images and make push', (shell) => {
  let tools: ScriptTools;
  beforeEach(() => {
    tools = new ScriptTools(shell).add('docker', docker).add('git', '*) exit 1 ;;');
  });
  afterEach(() => {
    tools.remove();
  });

  it('builds each service, and gives the image a tag of its content', () => {
    expect(tools.run('build-images.sh')).toEqual({
      code: 0,
      output: services
        .map((service) => `localhost/movies/${service}`)
        .map((name) => `${name}:1.2.3-${hash} ${name}:1.2.3 (123 MB)\n`)
        .join(''),
      errors: '',
    });
    const calls = tools.calls('docker').filter((call) => /^docker (build|tag) /.test(call));
    expect(calls).toEqual(
      services.flatMap((service) => {
        const name = `localhost/movies/${service}`;
        const settings = `SERVICE=${service} --build-arg VERSION=1.2.3 --build-arg REVISION=unknown`;
        return [
          `docker build --build-arg ${settings} --tag ${name}:1.2.3 .`,
          `docker tag ${name}:1.2.3 ${name}:1.2.3-${hash}`,
        ];
      }),
    );
  });

  it('labels each image with the last commit of what it is built from, unless that was changed', () => {
    tools.add(
      'git',
      `'status '*services/rating*) echo ' M services/rating/src/routes.ts' ;;
'status '*) ;;
'log -1 --format=%H -- Dockerfile '*) echo abc ;;`,
    );
    expect(tools.run('build-images.sh').code).toBe(0);
    const revisions = tools.calls('docker').flatMap((call) => {
      const [, service, revision] = /SERVICE=(\w+) .* REVISION=(\w*) /.exec(call) ?? [];
      return service === undefined ? [] : [`${service} ${revision ?? ''}`];
    });
    expect(revisions).toEqual(['metadata abc', 'rating unknown', 'movie abc']);
  });

  it('takes the version of package.json, another REGISTRY, and flags', () => {
    const env = { VERSION: '', REGISTRY: 'ghcr.io/you/movies', DOCKER_BUILD_FLAGS: '--pull -q' };
    expect(tools.run('build-images.sh', env).code).toBe(0);
    expect(tools.calls('docker').join('\n')).toMatch(
      /docker build --pull -q .* --tag ghcr\.io\/you\/movies\/metadata:0\.1\.0 \./,
    );
  });

  it('asks for no record of the build, whose time would be another content each time', () => {
    tools.add('docker', `build*) echo "$BUILDX_NO_DEFAULT_ATTESTATIONS" >&2 ;;\n${docker}`);
    expect(tools.run('build-images.sh').errors).toBe('1\n1\n1\n');
  });

  it('stops at what cannot be built', () => {
    tools.add('docker', `build*SERVICE=rating*) exit 1 ;;\n${docker}`);
    const { code, errors } = tools.run('build-images.sh');
    expect([code, errors]).toEqual([
      1,
      'make images: localhost/movies/rating:1.2.3 could not be built\n',
    ]);
  });

  it('says that no engine answers', () => {
    tools.add('docker', "version) echo 'Cannot connect to the Docker daemon' >&2; exit 1 ;;");
    expect(tools.run('build-images.sh').errors).toBe(
      "make images: no engine answers 'docker version': Cannot connect to the Docker daemon\n",
    );
  });

  it('pushes each image under both tags', () => {
    expect(tools.run('push-images.sh', { REGISTRY: 'localhost:5001' }).code).toBe(0);
    expect(tools.calls('docker').filter((call) => call.startsWith('docker push'))).toEqual(
      services.flatMap((service) => [
        `docker push localhost:5001/${service}:1.2.3-${hash}`,
        `docker push localhost:5001/${service}:1.2.3`,
      ]),
    );
  });

  it.each(['', 'localhost/movies', 'localhost'])('pushes nothing to %j', (registry) => {
    const { code, errors } = tools.run('push-images.sh', { REGISTRY: registry });
    expect([code, errors]).toEqual([
      1,
      `make push: nobody can push to ${registry || 'localhost/movies'}: name a registry, as in make images push REGISTRY=ghcr.io/you/movies\n`,
    ]);
    expect(tools.calls('docker')).toEqual([]);
  });

  it.each([
    ['ghcr.io/you', 'ghcr.io'],
    ['localhost:5001', 'localhost:5001'],
    ['you/movies', 'https://index.docker.io/v1/'],
  ])('says what may be missing where it cannot push to %s', (registry, host) => {
    tools.add('docker', `push*) exit 1 ;;\n${docker}`);
    expect(tools.run('push-images.sh', { REGISTRY: registry }).errors).toBe(
      `make push: ${registry}/metadata:1.2.3-${hash} could not be pushed: 'docker login ${host}' may be missing\n`,
    );
  });
});
