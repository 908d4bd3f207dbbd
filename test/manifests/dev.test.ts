import { once } from 'node:events';
import { untilEqual } from '../until';
import { describeScripts, ScriptTools } from './script-tools';

const place = (namespace: string) => `make dev: context kind-blue, namespace ${namespace}\n`;

describeScripts('make dev', (shell) => {
  let tools: ScriptTools;
  beforeEach(() => {
    const noNamespace = "*' get namespace '*) exit 1 ;;";
    tools = new ScriptTools(shell).kubectl({ context: 'kind-blue' }, noNamespace);
  });
  afterEach(() => {
    tools.remove();
  });

  function run(version: string, env = {}) {
    tools.add('skaffold', `version) echo ${version} ;;\n*) echo "in $NAMESPACE" ;;`);
    return tools.run('dev.sh', env);
  }

  it.each([
    ['v2.15.0', {}, '', 'movies'],
    ['v2.24.0', { OVERLAY: 'kubernetes', NAMESPACE: 'mine' }, '', 'mine'],
    ['v3.0.0', { OVERLAY: 'dns' }, ' --profile dns', 'movies'],
    [
      'v2.24.0',
      { OVERLAY: 'consul', DOCKER_BUILD_FLAGS: '--network=host' },
      ' --profile consul',
      'movies',
    ],
  ])('with skaffold %s and %j it is skaffold dev%s', (version, env, profile, namespace) => {
    const result = { code: 0, output: `in ${namespace}\n`, errors: place(namespace) };
    expect(run(version, env)).toEqual(result);
    expect(tools.calls('skaffold').at(-1)).toBe(`skaffold dev --kube-context kind-blue${profile}`);
  });

  it.each([
    ['v2.14.2', {}, 'skaffold.yaml needs skaffold 2.15 or newer, and this is v2.14.2'],
    ['v1.39.0', {}, 'skaffold.yaml needs skaffold 2.15 or newer, and this is v1.39.0'],
    ['main', {}, "'skaffold version' says 'main', and not which it is"],
    [
      'v2.24.0',
      { OVERLAY: 'etcd' },
      "there is no overlay 'etcd'; there are: consul database-url dns kubernetes",
    ],
    ['v2.24.0', { DOCKER_BUILD_FLAGS: '--pull --no-cache' }, 'one flag of DOCKER_BUILD_FLAGS'],
  ])('with skaffold %s and %j it says what is wrong', (version, env, message) => {
    const { code, output, errors } = run(version, env);
    expect({ code, output }).toEqual({ code: 1, output: '' });
    expect(errors).toContain(`make dev: `);
    expect(errors).toContain(message);
  });

  it('has skaffold sync soon after an edit, and takes another wait from the user', () => {
    tools.add(
      'skaffold',
      'version) echo v2.24.0 ;;\n*) echo "$SKAFFOLD_WATCH_POLL_INTERVAL ms" ;;',
    );
    expect(tools.run('dev.sh').output).toBe('200 ms\n');
    const env = { SKAFFOLD_WATCH_POLL_INTERVAL: '1000' };
    expect(tools.run('dev.sh', env).output).toBe('1000 ms\n');
  });

  it('says after Ctrl-C, once skaffold has cleaned up, what stays and how it goes', async () => {
    tools.kubectl({ context: 'kind-blue' }, "*' get namespace '*) ;;");
    const cleansUp = `trap 'sleep 1; echo cleaned; exit 0' INT; echo follows; while :; do sleep 1; done`;
    tools.add('skaffold', `version) echo v2.24.0 ;;\n*) ${cleansUp} ;;`);
    const child = tools.start('dev.sh', { NAMESPACE: 'mine' });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (chunk) => (output += String(chunk)));
    }
    await untilEqual(() => output.includes('follows'), true);
    // As a terminal does: to the script and to skaffold.
    process.kill(-(child.pid ?? NaN), 'SIGINT');
    const [code] = (await once(child, 'close')) as [number];
    expect(code).toBe(0);
    expect(output).toBe(
      `${place('mine')}follows\ncleaned\n` +
        'make dev: the namespace mine stays, with the volume of PostgreSQL if there is one; make undeploy NAMESPACE=mine deletes both\n',
    );
  });

  it('refuses a cluster elsewhere, in which Ctrl-C would delete things', () => {
    tools.kubectl({ context: 'work' }, "*' get namespace '*) exit 1 ;;");
    const { code, errors } = run('v2.24.0');
    expect(code).toBe(1);
    expect(errors).toContain('CLUSTER_IS_MINE=1 says that it may in this one');
    expect(tools.calls('skaffold')).toEqual(['skaffold version']);
    expect(run('v2.24.0', { CLUSTER_IS_MINE: '1' }).code).toBe(0);
  });

  it('says that there is no skaffold, and where to learn more', () => {
    expect(tools.run('dev.sh')).toEqual({
      code: 1,
      output: '',
      errors: 'make dev: skaffold is not there; make doctor says how to get it\n',
    });
  });
});
