import { kubectl, podsOf, services, settle } from '../deployed/deployed';
import { lossesOf } from './story';
import { describeUnderLoad } from './under-load';

jest.setTimeout(300_000);

describeUnderLoad('under load no request fails and none is degraded', {}, (during) => {
  it.each(services)('while %s is restarted, pod after pod', async (service) => {
    const story = await during(`rolling restart of ${service}`, () =>
      kubectl('rollout', 'restart', `deployment/${service}`),
    );
    expect(lossesOf(story)).toEqual([]);
  });

  it.each(services)('while %s is scaled to 5, 1 and 2', async (service) => {
    const story = await during(`${service} scaled 2 → 5 → 1 → 2`, async () => {
      for (const replicas of [5, 1, 2]) {
        await kubectl('scale', `deployment/${service}`, `--replicas=${replicas}`);
        await settle();
      }
    });
    expect(lossesOf(story)).toEqual([]);
  });

  it.each(services)('while a pod of %s is deleted', async (service) => {
    const [pod = ''] = await podsOf(service);
    const story = await during(`a pod of ${service} deleted`, () =>
      kubectl('delete', 'pod', pod, '--wait=false'),
    );
    expect(lossesOf(story)).toEqual([]);
  });

  it.each(services)('while a pod of %s is deleted by force', async (service) => {
    const [pod = ''] = await podsOf(service);
    const story = await during(`a pod of ${service} deleted by force`, () =>
      kubectl('delete', 'pod', pod, '--grace-period=0', '--force'),
    );
    expect(lossesOf(story)).toEqual([]);
  });
});
