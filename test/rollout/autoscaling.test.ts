import { kubectlIn } from '../cluster/kubectl';
import { kubectl, namespace, services } from '../deployed/deployed';
import { renderTextWith } from '../manifests/render';
import { until } from '../until';
import { lossesOf } from './story';
import { describeUnderLoad } from './under-load';

jest.setTimeout(400_000);

/** Numbers come every 15 s, of pods that have run for a while. */
const scaledUpMs = 180_000;

describeUnderLoad('under load', { needed: ['metrics-server'] }, (during) => {
  beforeAll(() => Promise.all(services.map(forgetReplicas)));

  afterAll(async () => {
    await kubectl('delete', 'horizontalpodautoscalers', '--all');
    for (const service of services) {
      await kubectl('scale', `deployment/${service}`, '--replicas=2');
    }
  });

  it('the component hpa has more pods of movie, and nothing is lost', async () => {
    const objects = await renderTextWith('overlays/kubernetes', ['hpa'], namespace);
    const story = await during('more pods by the autoscaler', async () => {
      await kubectlIn(namespace, ['apply', '--filename=-'], { input: objects });
      await until(async () => (await replicasOf('movie')) > 2, scaledUpMs, 1000);
      // Else the three go on to 18 pods, which two cores cannot carry.
      await kubectl('delete', 'horizontalpodautoscalers', '--all');
    });
    expect(lossesOf(story)).toEqual([]);
  });
});

/** Else `apply` takes the field away that was applied before and is not now, which sets it to 1. */
async function forgetReplicas(service: string): Promise<void> {
  const deployment = ['view-last-applied', `deployment/${service}`, '--output=json'];
  const applied = JSON.parse(await kubectl('apply', ...deployment)) as { spec: object };
  const spec = { ...applied.spec, replicas: undefined };
  const input = JSON.stringify({ ...applied, spec });
  await kubectlIn(namespace, ['apply', 'set-last-applied', '--filename=-'], { input });
}

async function replicasOf(service: string): Promise<number> {
  const ready = '--output=jsonpath={.status.readyReplicas}';
  return Number(await kubectl('get', `deployment/${service}`, ready));
}
