import { describeOnCluster } from '../cluster/cluster';
import { run } from '../cluster/run';
import { renderTextWith } from '../manifests/render';
import { until } from '../until';
import {
  deploy,
  deployedLimitMs,
  kubectl,
  make,
  namespace,
  podsOf,
  settle,
  type Overlay,
} from './deployed';
import { PortForward } from './port-forward';
import { policed, tryPaths } from './reach';
import { ReadyTimes } from './ready-times';
import { ServedTimes } from './served-times';

jest.setTimeout(240_000);

const readyLimitMs = 60_000;
const overlays: readonly { overlay: Overlay; components: readonly string[] }[] = [
  { overlay: 'dns', components: ['dev', 'hpa', 'zone-aware'] },
  { overlay: 'consul', components: ['dev', 'hpa', 'zone-aware'] },
  { overlay: 'kubernetes', components: ['dev', 'hpa', 'zone-aware', 'endpoints'] },
];
/** From ready to the first answer: movie is told, or asks again once the records' 5 s are over. */
const servesWithin: readonly { overlay: Overlay; limitMs: number }[] = [
  { overlay: 'kubernetes', limitMs: 1000 },
  { overlay: 'dns', limitMs: 6000 },
];

/** Not every cluster's network does, and none says so. */
const itWherePoliciesAreEnforced = process.env['CLUSTER_ENFORCES_POLICIES'] ? it : it.skip;
if (itWherePoliciesAreEnforced === it.skip) {
  process.stderr.write(
    '\n!!! SKIPPED: what network policies refuse; CLUSTER_ENFORCES_POLICIES=1\n',
  );
}

describeOnCluster('what make deploy brings', () => {
  describe.each(overlays)('overlay $overlay', ({ overlay, components }) => {
    let readyAfterMs: number;

    beforeAll(async () => {
      readyAfterMs = await deploy(overlay);
      process.stderr.write(`overlay ${overlay}: ready after ${Math.round(readyAfterMs)} ms\n`);
    }, deployedLimitMs);

    it('is ready within a minute', () => {
      expect(readyAfterMs).toBeLessThan(readyLimitMs);
    });

    it('answers through a port-forward, with the names of the pods that served', async () => {
      using forward = await PortForward.open('service/movie', 80);
      const answer = await fetch(`${forward.url}/movie?id=1`);
      expect(answer.status).toBe(200);
      expect(await answer.json()).not.toHaveProperty('degraded');
      expect(await podsOf('movie')).toContain(answer.headers.get('x-served-by'));
      const [metadata, rating] = (answer.headers.get('x-upstreams') ?? '').split(', ');
      expect((await podsOf('metadata')).map((pod) => `metadata=${pod}`)).toContain(metadata);
      expect((await podsOf('rating')).map((pod) => `rating=${pod}`)).toContain(rating);
    });

    it('answers from within, by every pod', async () => {
      const output = await make('smoke');
      expect(output).toContain('40 requests, all answered 200');
      const pods = [...(await podsOf('metadata')), ...(await podsOf('rating'))];
      for (const pod of pods) expect(output).toContain(pod);
    });

    it('lets through what its policies allow', async () => {
      const { allowed } = policed[overlay];
      expect(await tryPaths(allowed)).toEqual(
        allowed.map(([from, to]) => `${from} → ${to}: reached`),
      );
    });

    itWherePoliciesAreEnforced('refuses what they do not allow', async () => {
      const { refused } = policed[overlay];
      expect(await tryPaths(refused)).toEqual(
        refused.map(([from, to]) => `${from} → ${to}: timeout`),
      );
    });

    it.each([[[]], [components]])(
      'is taken without a warning, with components %j',
      async (some) => {
        const objects = await renderTextWith(`overlays/${overlay}`, some, namespace);
        const apply =
          'kubectl apply --dry-run=server --validate=strict --filename=- 2>&1 >/dev/null';
        expect(await run('/bin/sh', ['-c', apply], { input: objects })).toBe('');
      },
    );

    const limitMs = servesWithin.find((each) => each.overlay === overlay)?.limitMs;
    if (limitMs !== undefined) {
      it(`has each new rating serve ${limitMs} ms after it is ready, of five and of two`, async () => {
        const [pod = 'none'] = await podsOf('movie');
        using forward = await PortForward.open(`pod/${pod}`, 8080);
        using ready = new ReadyTimes('rating');
        await using served = new ServedTimes(forward.url);
        const before = await podsOf('rating');
        await make('scale', 'SERVICE=rating', 'N=5');
        const pods = await podsOf('rating');
        expect(pods).toHaveLength(5);
        await until(() => pods.every((each) => served.at.has(each)));
        const waits = pods
          .filter((each) => !before.includes(each))
          .map((each) => Math.round((served.at.get(each) ?? NaN) - (ready.at.get(each) ?? NaN)));
        process.stderr.write(
          `overlay ${overlay}: first served ${waits.join(', ')} ms after ready\n`,
        );
        expect(waits.filter((ms) => !(ms < limitMs))).toEqual([]);
        for (const replicas of ['1', '2']) await make('scale', 'SERVICE=rating', `N=${replicas}`);
        await settle();
        expect(served.faults).toEqual([]);
      });
    }
  });

  it('is gone after make undeploy', async () => {
    await make('undeploy');
    expect(await kubectl('get', 'all,configmaps,networkpolicies', '--output=name')).toBe('');
  });
});
