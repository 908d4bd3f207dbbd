import { spawnSync, type ChildProcess } from 'node:child_process';
import { readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { untilEqual } from '../until';
import { describeScripts, ScriptTools } from './script-tools';

const all = ['metadata 8081:http', 'movie 8083:http', 'rating 8082:http'];

describeScripts('make port-forward', (shell) => {
  let tools: ScriptTools;
  let script: ChildProcess | undefined;
  let output = '';
  beforeEach(() => {
    tools = new ScriptTools(shell);
    output = '';
  });
  afterEach(() => {
    // Whatever a failed test has left.
    if (script?.pid !== undefined) spawnSync('kill', ['-9', '--', `-${script.pid}`]);
    script = undefined;
    tools.remove();
  });

  function start(answers: string): void {
    tools.kubectl({ context: 'kind-blue' }, answers);
    script = tools.start('port-forward.sh', { NAMESPACE: 'mine' });
    for (const stream of [script.stdout, script.stderr]) {
      stream?.on('data', (chunk) => (output += String(chunk)));
    }
  }

  const ended = () => new Promise((resolve) => script?.once('exit', resolve));
  const forwards = () =>
    tools
      .calls('kubectl')
      .flatMap((call) => /--address 127\.0\.0\.1 service\/(.*)$/.exec(call)?.[1] ?? [])
      .sort();
  /** Processes of the script's group. */
  const left = () => {
    const { stdout } = spawnSync('ps', ['-o', 'args=', '-g', String(script?.pid)], {
      encoding: 'utf8',
    });
    return stdout.trim();
  };

  it.each([
    ['SIGINT', -1, 0],
    ['SIGTERM', 1, 143],
  ] as const)('forwards to all three, and leaves nothing after %s', async (signal, to, code) => {
    start(`*' port-forward '*) exec sleep 60 ;;`);
    await untilEqual(forwards, all);
    await untilEqual(() => output.includes('Until Ctrl-C'), true);
    const exit = ended();
    // Ctrl-C reaches the whole group.
    process.kill(to * (script?.pid ?? NaN), signal);
    expect(await exit).toBe(code);
    await untilEqual(left, '');
    expect(readdirSync(path.join(tools.folder, 'tmp'))).toEqual([]);
    // In two streams.
    expect(output.split('\n').sort()).toEqual([
      '',
      "Until Ctrl-C: curl -i 'localhost:8083/movie?id=1'",
      'make port-forward: context kind-blue, namespace mine',
    ]);
  });

  it.each([
    'error: lost connection to pod',
    'Error from server (NotFound): pods "rating-7d9c" not found',
  ])('forwards again when a pod is gone: %s', async (message) => {
    const lost = path.join(tools.folder, 'lost');
    writeFileSync(lost, '');
    start(`
*' port-forward '*/rating*)
  if [ -e '${lost}' ]; then rm '${lost}'; echo '${message}' >&2; exit 1; fi
  exec sleep 60 ;;
*' port-forward '*) exec sleep 60 ;;`);
    await untilEqual(forwards, [...all, 'rating 8082:http']);
    expect(output).toContain(`rating: ${message}; forwarding again\n`);
    expect(script?.exitCode).toBe(null);
  });

  it.each([
    [
      'a port is taken',
      'error: unable to listen on any of the requested ports: [{8082 8080}]',
      'make port-forward: port 8082 of this machine, for rating, is taken: end what has it (lsof -nP -i :8082), or kubectl -n mine port-forward service/rating ANOTHER:80\n',
    ],
    [
      'a Service is gone',
      'Error from server (NotFound): services "rating" not found',
      'make port-forward: there is no rating any more: make deploy NAMESPACE=mine\n',
    ],
  ])('ends when %s, and says so', async (_, error, message) => {
    start(`
*' port-forward '*/rating*) echo '${error}' >&2; exit 1 ;;
*' port-forward '*) exec sleep 60 ;;`);
    expect(await ended()).toBe(1);
    await untilEqual(left, '');
    expect(output).toContain(message);
  });

  it('says that nothing is deployed', () => {
    tools.kubectl({ context: 'kind-blue' }, `*' get service/metadata '*) exit 1 ;;`);
    const { code, errors } = tools.run('port-forward.sh');
    expect([code, errors]).toEqual([
      1,
      'make port-forward: context kind-blue, namespace movies\nmake port-forward: the services are not deployed: make deploy\n',
    ]);
  });
});
