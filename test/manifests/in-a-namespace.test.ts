import { describeScripts, ScriptTools, type Context } from './script-tools';

const ours = `*' get namespace '*labels*) echo movies ;;\n*' get namespace '*) echo namespace/x ;;`;
const theirs = `*' get namespace '*labels*) ;;\n*' get namespace '*) echo namespace/x ;;`;

describeScripts('scripts that act in a namespace', (shell) => {
  let tools: ScriptTools;
  beforeEach(() => {
    tools = new ScriptTools(shell);
  });
  afterEach(() => {
    tools.remove();
  });

  const acts = (script: string, env = {}) => {
    const { code, errors } = tools.run(script, env);
    // But for what the user's configuration says, and whether the cluster answers.
    const calls = tools.calls('kubectl').filter((call) => !/^kubectl config | readyz$/.test(call));
    return { code, errors, calls };
  };

  it.each([
    ['status.sh', {}],
    ['logs.sh', {}],
    ['scale.sh', { SERVICE: 'rating', N: '0' }],
    ['undeploy.sh', {}],
  ])('%s acts in NAMESPACE, and says where that is', (script, env) => {
    tools.kubectl({ context: 'kind-blue' }, ours);
    const { code, errors, calls } = acts(script, { ...env, NAMESPACE: 'mine' });
    expect(code).toBe(0);
    expect(errors).toContain(': context kind-blue, namespace mine\n');
    expect(calls.length).toBeGreaterThan(0);
    for (const call of calls)
      expect(call).toMatch(/^kubectl --context kind-blue --namespace mine /);
  });

  it.each(['Mine', '-mine', 'mine-', 'mine.too', 'x'.repeat(64), 'a b'])(
    'refuses the namespace %s',
    (namespace) => {
      tools.kubectl({ context: 'kind-blue' });
      expect(acts('status.sh', { NAMESPACE: namespace })).toEqual({
        code: 1,
        errors: `make status: NAMESPACE is up to 63 of a-z, 0-9 and -, with a letter or digit first and last; and not '${namespace}'\n`,
        calls: [],
      });
    },
  );

  it.each([
    [{}, "SERVICE is metadata, rating or movie, and not ''"],
    [{ SERVICE: 'postgres', N: '2' }, "SERVICE is metadata, rating or movie, and not 'postgres'"],
    [{ SERVICE: 'rating' }, "N is a number from 1 to 1000, and not ''"],
    [{ SERVICE: 'rating', N: 'many' }, "N is a number from 1 to 1000, and not 'many'"],
    [{ SERVICE: 'rating', N: '-1' }, "N is a number from 1 to 1000, and not '-1'"],
  ])('scale.sh refuses %j', (env, message) => {
    tools.kubectl({ context: 'kind-blue' });
    const { code, errors, calls } = acts('scale.sh', env);
    expect({ code, calls }).toEqual({ code: 1, calls: [] });
    expect(errors).toContain(`make scale: ${message}`);
  });

  it('says that there is no current context', () => {
    tools.add('kubectl', '*) exit 1 ;;');
    expect(acts('status.sh')).toMatchObject({
      code: 1,
      errors: expect.stringContaining('kubectl has no current context') as string,
    });
  });

  it.each<Context>([
    { context: 'kind-blue' },
    { context: 'renamed', cluster: 'kind-blue' },
    { context: 'green', isMinikube: true },
    { context: 'k3d-red' },
    { context: 'docker-desktop' },
    { context: 'orbstack' },
    { context: 'colima' },
    { context: 'colima-work' },
    { context: 'rancher-desktop' },
  ])('undeploy.sh deletes in %j', (context) => {
    tools.kubectl(context, ours);
    const { code, errors, calls } = acts('undeploy.sh');
    expect([code, calls.at(-1)]).toEqual([
      0,
      `kubectl --context ${context.context} --namespace movies delete namespace movies --ignore-not-found --timeout=180s`,
    ]);
    expect(errors).toContain('also the volumes and what PostgreSQL has in them');
  });

  it.each<Context>([
    { context: 'production' },
    { context: 'gke_kind-project', cluster: 'gke_kind-project' },
    { context: 'my-docker-desktop' },
  ])('undeploy.sh deletes nothing in %j, unless it is told that it may', (context) => {
    tools.kubectl(context, ours);
    const refused = acts('undeploy.sh');
    expect(refused).toMatchObject({ code: 1, calls: [] });
    expect(refused.errors).toContain(
      `the context '${context.context}' is none of kind, minikube, k3d, Docker Desktop`,
    );
    expect(acts('undeploy.sh', { CLUSTER_IS_MINE: 'yes' }).code).toBe(1);
    expect(acts('undeploy.sh', { CLUSTER_IS_MINE: '1' }).code).toBe(0);
  });

  it("undeploy.sh deletes no namespace that is somebody else's", () => {
    tools.kubectl({ context: 'kind-blue' }, theirs);
    const { code, errors, calls } = acts('undeploy.sh', { NAMESPACE: 'shop' });
    expect(code).toBe(1);
    expect(errors).toContain("the namespace 'shop' is not one that make deploy made");
    expect(calls.join()).not.toContain(' delete ');
  });

  it('logs.sh ends well with Ctrl-C', async () => {
    tools.kubectl({ context: 'kind-blue' }, `*' logs '*) echo line; exec sleep 60 ;;`);
    const script = tools.start('logs.sh');
    await new Promise((resolve) => script.stdout?.once('data', resolve));
    process.kill(-(script.pid ?? NaN), 'SIGINT');
    expect(await new Promise((resolve) => script.once('exit', resolve))).toBe(0);
  });
});
