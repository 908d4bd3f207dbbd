import { kubectl, settle } from '../deployed/deployed';
import { failedIn } from './story';
import { describeUnderLoad } from './under-load';

jest.setTimeout(600_000);

interface Template {
  readonly spec: { readonly containers: readonly [Container] };
}

interface Container {
  readonly lifecycle?: object;
  readonly env: readonly { readonly name: string; readonly value?: string }[];
}

// Were this not seen, the stories of no failure would prove nothing.
describeUnderLoad('without preStop and shutdown delay', {}, (during) => {
  let template: Template;

  beforeAll(async () => {
    template = JSON.parse(
      await kubectl('get', 'deployment/movie', '--output=jsonpath={.spec.template}'),
    ) as Template;
    await patch(withoutProtection(template));
  });

  afterAll(() => patch(template));

  it('a rolling restart of movie loses requests, once in three at least', async () => {
    let failed = 0;
    for (let attempt = 1; attempt <= 3 && failed === 0; attempt += 1) {
      const story = await during('restart of movie without preStop and delay', () =>
        kubectl('rollout', 'restart', 'deployment/movie'),
      );
      failed = failedIn(story);
    }
    expect(failed).toBeGreaterThan(0);
  });
});

function withoutProtection({ spec }: Template) {
  const [container] = spec.containers;
  const env = [...container.env, { name: 'SHUTDOWN_DELAY_MS', value: '0' }];
  return { spec: { ...spec, containers: [{ ...container, env, lifecycle: undefined }] } };
}

async function patch(template: object): Promise<void> {
  // A merge patch replaces lists as a whole.
  const change = JSON.stringify({ spec: { template } });
  await kubectl('patch', 'deployment/movie', '--type=merge', `--patch=${change}`);
  await settle();
}
