import { spawnSync } from 'node:child_process';
import { describeWith } from '../describe-with';
import { combinations } from '../manifests/combinations';
import { renderTextWith } from '../manifests/render';

/** A command, which may have arguments. */
const kubeScore = process.env['KUBE_SCORE'] ?? 'kube-score';
const options = ['--kubernetes-version', 'v1.34', '--exit-one-on-warning', '--output-format', 'ci'];
const optional = ['--enable-optional-test', 'container-seccomp-profile'];

function score(text: string): { status: number | null; output: string } {
  const command = `${kubeScore} score "$@" -`;
  const args = ['-c', command, 'kube-score', ...options, ...optional];
  const { status, stdout, stderr } = spawnSync('/bin/sh', args, {
    input: text,
    encoding: 'utf8',
    timeout: 60_000,
  });
  return { status, output: stdout + stderr };
}

const missing =
  spawnSync('/bin/sh', ['-c', `${kubeScore} version`], { timeout: 60_000 }).status === 0
    ? undefined
    : 'no kube-score; set KUBE_SCORE, or put it on the PATH';

describeWith('kube-score', missing, () => {
  it.each(combinations)('has nothing against $name', async ({ overlay, components }) => {
    const { status, output } = score(await renderTextWith(`overlays/${overlay}`, components));
    expect(output.split('\n').filter((line) => /^\[(CRITICAL|WARNING)\]/.test(line))).toEqual([]);
    // Nothing read would pass too.
    expect(output).toMatch(/^\[OK\] metadata\/movies apps\/v1\/Deployment/m);
    expect(status).toBe(0);
  });

  it('has something against a pod that is worth it', () => {
    const { status, output } = score(
      JSON.stringify({
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: 'bad' },
        spec: { containers: [{ name: 'bad', image: 'bad:latest' }] },
      }),
    );
    expect(output).toMatch(/^\[CRITICAL\]/m);
    expect(status).toBe(1);
  });
});
