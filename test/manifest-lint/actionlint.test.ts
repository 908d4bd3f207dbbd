import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describeWith } from '../describe-with';

const workflows = path.resolve(__dirname, '../../.github/workflows');
const actionlint = process.env['ACTIONLINT'] ?? 'actionlint';

/** Without what else actionlint would call: whether that is installed must not decide the result. */
function lint(workflow: string): { status: number | null; output: string } {
  const args = ['-no-color', '-shellcheck=', '-pyflakes=', '-'];
  const { status, stdout, stderr } = spawnSync(actionlint, args, {
    input: workflow,
    encoding: 'utf8',
    timeout: 60_000,
  });
  return { status, output: stdout + stderr };
}

const missing =
  spawnSync(actionlint, ['-version'], { timeout: 60_000 }).status === 0
    ? undefined
    : 'no actionlint; set ACTIONLINT, or put it on the PATH';

describeWith('actionlint', missing, () => {
  it.each(readdirSync(workflows))('has nothing against %s', (file) => {
    expect(lint(readFileSync(path.join(workflows, file), 'utf8'))).toEqual({
      status: 0,
      output: '',
    });
  });

  it('has something against a workflow with an unknown key', () => {
    const { status, output } = lint('on: push\njobs: { a: { runs-on: ubuntu-24.04, step: [] } }\n');
    expect(output).toContain('unexpected key "step"');
    expect(status).toBe(1);
  });
});
