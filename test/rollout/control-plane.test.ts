import { ownerDoes } from '../cluster/cluster';
import { clusterRecovered, recoveryLimitMs } from '../cluster/cluster-recovered';
import { kubectlIn } from '../cluster/kubectl';
import { until } from '../until';
import { failedBetweenServices, lossesOf } from './story';
import { describeUnderLoad } from './under-load';

jest.setTimeout(300_000);

const needed = ['CLUSTER_API_STOP', 'CLUSTER_API_START'] as const;

describeUnderLoad('under load', { needed }, (during) => {
  afterAll(clusterRecovered, recoveryLimitMs);

  it('nothing is lost while the cluster has no DNS for 20 s', async () => {
    const story = await during('CoreDNS gone for 20 s', () => withoutDns(20_000));
    expect(lossesOf(story)).toEqual([]);
  });

  it('nothing is lost while the API server is gone for 30 s', async () => {
    const story = await during('API server stopped for 30 s', () => withoutApiServer(30_000));
    expect(lossesOf(story)).toEqual([]);
  });

  // When it comes back it may take pods for dead that it has not heard of for so long, and then says so to all.
  it('nothing between the services is lost while it is gone for 60 s', async () => {
    const story = await during('API server stopped for 60 s', () => withoutApiServer(60_000));
    expect(failedBetweenServices(story)).toBe(0);
  });
});

async function withoutApiServer(ms: number): Promise<void> {
  await ownerDoes('CLUSTER_API_STOP');
  try {
    await passing(ms);
  } finally {
    await ownerDoes('CLUSTER_API_START');
  }
}

async function withoutDns(ms: number): Promise<void> {
  const replicas = await dns('get', 'deployment/coredns', '--output=jsonpath={.spec.replicas}');
  try {
    await dns('scale', 'deployment/coredns', '--replicas=0');
    const pods = ['get', 'pods', '--selector=k8s-app=kube-dns', '--output=name'];
    await until(async () => (await dns(...pods)) === '', 60_000);
    await passing(ms);
  } finally {
    await dns('scale', 'deployment/coredns', `--replicas=${replicas}`);
  }
  await dns('rollout', 'status', 'deployment/coredns', '--timeout=60s');
}

function dns(...args: string[]): Promise<string> {
  return kubectlIn('kube-system', args);
}

function passing(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
