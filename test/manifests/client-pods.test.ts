import { spawnSync, type ChildProcess } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { untilEqual } from '../until';
import { at, isRecord } from './kube-object';
import { restricted } from './pod-security';
import { describeScripts, ScriptTools } from './script-tools';

const template = `*' get deployment/movie '*) echo image:1; echo '[{"name":"ghcr"}]' ;;`;
const addresses = `
*' get service/movie '*) echo 10.0.0.1 ;;
*' get service/rating '*) echo 10.0.0.2 ;;`;

describeScripts('a client in a pod', (shell) => {
  let tools: ScriptTools;
  let script: ChildProcess | undefined;
  let stdin: string;
  let overrides: string;
  beforeEach(() => {
    tools = new ScriptTools(shell);
    stdin = path.join(tools.folder, 'stdin');
    overrides = path.join(tools.folder, 'overrides');
  });
  afterEach(() => {
    if (script?.pid !== undefined) spawnSync('kill', ['-9', '--', `-${script.pid}`]);
    script = undefined;
    tools.remove();
  });

  /** A kubectl whose pods do as the body says. */
  function kubectl(body: string): void {
    const run = `
*' run '*)
  cat >'${stdin}'
  for last; do :; done
  printf '%s' "\${last#--overrides=}" >'${overrides}'
  ${body} ;;`;
    tools.kubectl({ context: 'kind-blue' }, template + addresses + run);
  }

  const spec = () => at(JSON.parse(readFileSync(overrides, 'utf8')), 'spec');
  const env = () => at(spec(), 'containers.0.env');
  const calls = (part: string) => tools.calls('kubectl').filter((call) => call.includes(part));
  const deletions = () => calls(' delete pod/');

  it('make smoke runs its script there, and takes the pod away', () => {
    kubectl('echo all well');
    expect(tools.run('smoke.sh', { NAMESPACE: 'mine', REQUESTS: '7' })).toEqual({
      code: 0,
      output: 'all well\n',
      errors: 'make smoke: context kind-blue, namespace mine\n',
    });
    expect(readFileSync(stdin, 'utf8')).toBe(readFileSync('scripts/smoke-client.mjs', 'utf8'));
    expect(env()).toEqual([{ name: 'REQUESTS', value: '7' }]);
    expect(calls(' run smoke-')[0]).toMatch(
      /--namespace mine run smoke-\d+ --image=image:1 --labels=movies\/client=true --restart=Never/,
    );
    expect(deletions()).toEqual([
      expect.stringMatching(/--namespace mine delete pod\/smoke-\d+ --ignore-not-found/),
    ]);
  });

  it('has what the namespace asks of every pod, the image of movie, and its Secret to pull', () => {
    kubectl('echo all well');
    tools.run('smoke.sh');
    const broken = Object.entries(restricted).filter(([, isKept]) => !isKept(spec()));
    expect(broken.map(([rule]) => rule)).toEqual([]);
    expect(at(spec(), 'containers.0.image')).toBe('image:1');
    expect(at(spec(), 'containers.0.command.0')).toBe('/nodejs/bin/node');
    expect(at(spec(), 'imagePullSecrets')).toEqual([{ name: 'ghcr' }]);
    expect(at(spec(), 'activeDeadlineSeconds')).toBe(300);
  });

  it('make smoke fails with its script, and says what holds the pod up', () => {
    kubectl('exit 3');
    const { code } = tools.run('smoke.sh');
    expect(code).toBe(3);
    expect(calls(' get pod/smoke-')).toHaveLength(1);
    expect(deletions()).toHaveLength(1);
  });

  it.each([
    ['smoke.sh', { REQUESTS: '0' }, 'make smoke: REQUESTS is a number from 1 to 99999'],
    ['smoke.sh', { REQUESTS: '100000' }, 'make smoke: REQUESTS is a number'],
    ['load.sh', { RATE: 'fast' }, "make load: RATE is a number from 1 to 5000, and not 'fast'"],
    ['load.sh', { DURATION: '1h' }, 'make load: DURATION is a number from 1 to 86400'],
    ['load.sh', { AVOID: 'a"b' }, 'make load: AVOID is up to 253 of a-z'],
  ])('%s refuses %j', (name, settings, message) => {
    kubectl('echo');
    const { code, errors } = tools.run(name, settings);
    expect([code, errors]).toEqual([1, expect.stringContaining(message)]);
    expect(calls(' run ')).toEqual([]);
  });

  it.each(['smoke.sh', 'load.sh'])('%s says that nothing is deployed', (name) => {
    tools.kubectl({ context: 'kind-blue' }, "*' get '*) exit 1 ;;");
    const { code, errors } = tools.run(name);
    expect([code, errors]).toEqual([
      1,
      expect.stringMatching(/movie is not deployed: make deploy/),
    ]);
  });

  it('make load prints a line a second, and the total at the end', () => {
    kubectl("echo '300 0 0 12 metadata 2, movie 2'; echo '290 3 4 - movie 1; timeout: 3'");
    const { code, output } = tools.run('load.sh', {
      RATE: '50',
      DURATION: '20',
      AVOID: 'node-1.example',
    });
    expect(code).toBe(0);
    expect(output.replaceAll(/\d\d:\d\d:\d\d/g, 'hh:mm:ss').split('\n')).toEqual([
      '    time  requests  failed  degraded  p99 ms  instances that served',
      'hh:mm:ss       300       0         0      12  metadata 2, movie 2',
      'hh:mm:ss       290       3         4       -  movie 1; timeout: 3',
      expect.stringMatching(/^ {3}total {7}590 {7}3 {9}4 *$/),
      '',
    ]);
    expect(env()).toEqual(
      Object.entries({
        MOVIE_HOST: '10.0.0.1',
        RATING_HOST: '10.0.0.2',
        RATE: '50',
        DURATION: '20',
        OUTPUT: 'seconds',
      }).map(([name, value]) => ({ name, value })),
    );
    expect(at(spec(), 'activeDeadlineSeconds')).toBe(170);
    const nodes = at(spec(), 'affinity.nodeAffinity');
    expect(isRecord(nodes) && Object.keys(nodes)).toEqual([
      'preferredDuringSchedulingIgnoredDuringExecution',
      'requiredDuringSchedulingIgnoredDuringExecution',
    ]);
    expect(JSON.stringify(nodes)).toContain('"operator":"NotIn","values":["node-1.example"]');
  });

  it.each([
    ['SIGINT', -1],
    ['SIGTERM', 1],
  ] as const)(
    'make load ends well with %s: pod gone, total told, nothing left',
    async (signal, to) => {
      kubectl("echo '300 1 0 12 movie 2'; exec sleep 60");
      script = tools.start('load.sh');
      let output = '';
      script.stdout?.on('data', (chunk) => (output += String(chunk)));
      await untilEqual(() => output.includes('movie 2'), true);
      const exit = new Promise((resolve) => script?.once('exit', resolve));
      process.kill(to * (script.pid ?? NaN), signal);
      expect(await exit).toBe(0);
      expect(output).toMatch(/\n {3}total {7}300 {7}1 {9}0 *\n$/);
      expect(deletions()).toHaveLength(1);
      const { stdout } = spawnSync('ps', ['-o', 'args=', '-g', String(script.pid)]);
      expect(String(stdout)).toBe('');
      expect(readdirSync(path.join(tools.folder, 'tmp'))).toEqual([]);
    },
  );

  it('make smoke takes the pod away after Ctrl-C', async () => {
    kubectl('echo started; exec sleep 60');
    script = tools.start('smoke.sh');
    await new Promise((resolve) => script?.stdout?.once('data', resolve));
    const exit = new Promise((resolve) => script?.once('exit', resolve));
    process.kill(-(script.pid ?? NaN), 'SIGINT');
    expect(await exit).toBe(130);
    expect(deletions()).toHaveLength(1);
  });
});
