import { describeOnCluster } from '../cluster/cluster';
import { kubectlIn } from '../cluster/kubectl';
import { deployedLimitMs, imagesLoaded, make, services } from './deployed';

jest.setTimeout(240_000);

/** Two overlays in namespaces of their own, beside each other in one cluster. */
const installs = [
  { overlay: 'kubernetes', namespace: `movies-first-${process.pid}` },
  { overlay: 'dns', namespace: `movies-second-${process.pid}` },
] as const;

describeOnCluster('two installs in one cluster', () => {
  beforeAll(async () => {
    await imagesLoaded();
    for (const { overlay, namespace } of installs) {
      await make('deploy', `OVERLAY=${overlay}`, `NAMESPACE=${namespace}`, 'SKIP_IMAGES=1');
    }
  }, deployedLimitMs);

  afterAll(async () => {
    for (const { namespace } of installs) await make('undeploy', `NAMESPACE=${namespace}`);
  }, deployedLimitMs);

  it.each(installs)(
    'overlay $overlay responds from instances of its own namespace only',
    async ({ namespace }) => {
      const output = await make('smoke', `NAMESPACE=${namespace}`);
      expect(output).toContain('40 requests, all answered 200');
      const served = [...output.matchAll(/^\w+ +(\S+) {2}\d+ times$/gm)].map(([, pod]) => pod);
      const pods = await readyPods(namespace);
      expect(pods).toEqual(expect.arrayContaining(served));
      // movie's own Service may prefer one near the caller; movie itself calls all.
      const upstreams = (names: readonly (string | undefined)[]) =>
        names.filter((name) => name?.startsWith('movie') === false);
      expect(upstreams(served.sort())).toEqual(upstreams(pods));
    },
  );

  it('make undeploy of one leaves the other as it is', async () => {
    const [first, second] = installs;
    const before = await readyPods(second.namespace);
    await make('undeploy', `NAMESPACE=${first.namespace}`);
    expect(await readyPods(second.namespace)).toEqual(before);
    const output = await make('smoke', `NAMESPACE=${second.namespace}`);
    expect(output).toContain('40 requests, all answered 200');
  });
});

/** The names of the pods of the three services, sorted. */
async function readyPods(namespace: string): Promise<string[]> {
  const selector = `--selector=app.kubernetes.io/name in (${services.join(',')})`;
  const names = '--output=jsonpath={.items[*].metadata.name}';
  const output = await kubectlIn(namespace, ['get', 'pods', selector, names]);
  return output.split(' ').sort();
}
