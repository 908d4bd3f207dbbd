import { setTimeout as delay } from 'node:timers/promises';
import { nodeNames, ownerDoes } from '../cluster/cluster';
import { kubectl, postgresReady, services, settle } from '../deployed/deployed';
import { until } from '../until';
import { failedBetweenServices, lossesOf } from './story';
import { describeUnderLoad } from './under-load';

jest.setTimeout(300_000);

const nodes = nodeNames();
/** The one that goes. The first may have the control plane. */
const victim = nodes.at(-1) ?? 'none';
/** How long the cluster takes to say that a node is gone; 40 to 50 s where nobody has changed it. */
const noticedMs = 90_000;

describeUnderLoad('on two nodes', { needed: ['two nodes'], avoid: victim }, (during) => {
  beforeEach(spread);

  it.each(services)('%s has a pod on either', async (service) => {
    expect(new Set(await nodesOf(service)).size).toBe(2);
  });

  it('nothing is lost while one is drained', async () => {
    const story = await during('a node drained', async () => {
      await whileDrained(async () => {
        for (const service of services) expect(await nodesOf(service)).not.toContain(victim);
      });
    });
    expect(lossesOf(story)).toEqual([]);
  });
});

describeUnderLoad('on two nodes', { needed: ['two nodes'], avoid: victim }, (during) => {
  // Its volume is on its node, as in kind and minikube, and it waits for that node.
  it('while the node of PostgreSQL is drained votes are refused, to be cast again, and films are shown', async () => {
    await putPostgres((node) => node === victim);
    const story = await during('the node of PostgreSQL drained for 20 s', async () => {
      await whileDrained(() => delay(20_000));
      await postgresReady();
    });
    expect(Object.keys(story.failed)).toEqual(['rating 503']);
  });
});

describeUnderLoad(
  'on two nodes',
  { needed: ['two nodes', 'CLUSTER_NODE_STOP', 'CLUSTER_NODE_START'], avoid: victim },
  (during) => {
    beforeEach(spread);

    // What the load itself had sent to it is lost, or waits for an answer in vain.
    it('nothing between the services is lost when one loses its power', async () => {
      const story = await during('a node lost, and back', async () => {
        try {
          await ownerDoes('CLUSTER_NODE_STOP', victim);
          await until(async () => (await readyNodes()) < nodes.length, noticedMs, 1000);
          // Its pods are taken out of the Services a moment later.
          await until(async () => (await nodesOf('movie')).length === 1, noticedMs, 1000);
        } finally {
          await ownerDoes('CLUSTER_NODE_START', victim);
        }
        await until(async () => (await readyNodes()) === nodes.length, noticedMs, 1000);
      });
      expect(failedBetweenServices(story)).toBe(0);
    });
  },
);

/** Drains the victim as the README does, and takes it back. */
async function whileDrained(then: () => Promise<void>): Promise<void> {
  try {
    const flags = ['--ignore-daemonsets', '--delete-emptydir-data', '--timeout=120s'];
    await kubectl('drain', victim, ...flags);
    await then();
  } finally {
    await kubectl('uncordon', victim);
  }
}

/**
 * Has PostgreSQL on the node that stays, and the pods of each service on both. After one was away all may be on the
 * other.
 */
async function spread(): Promise<void> {
  await putPostgres((node) => node !== victim);
  for (const service of services) {
    if (new Set(await nodesOf(service)).size > 1) continue;
    await kubectl('rollout', 'restart', `deployment/${service}`);
  }
  await settle();
}

/** Moves PostgreSQL to a node that is allowed. There is one, and its volume may be on its node. */
async function putPostgres(isAllowed: (node: string) => boolean): Promise<void> {
  if ((await nodesOf('postgres')).every(isAllowed)) return;
  const closed = nodes.filter((node) => !isAllowed(node));
  await kubectl('cordon', ...closed);
  try {
    // A new claim is bound where its pod may run, and empty.
    await kubectl('scale', 'statefulset/postgres', '--replicas=0');
    await kubectl('wait', '--for=delete', 'pod/postgres-0', '--timeout=90s');
    await kubectl('delete', 'persistentvolumeclaim/data-postgres-0');
    await kubectl('scale', 'statefulset/postgres', '--replicas=1');
    await postgresReady();
  } finally {
    await kubectl('uncordon', ...closed);
  }
  // The tables are made at a start.
  for (const keeper of ['metadata', 'rating']) {
    await kubectl('rollout', 'restart', `deployment/${keeper}`);
  }
  await settle();
}

/** The nodes of its ready pods, with one entry a pod. */
async function nodesOf(service: string): Promise<string[]> {
  const ready = '{range .items[*].endpoints[?(@.conditions.ready==true)]}{.nodeName} {end}';
  const slices = `--selector=kubernetes.io/service-name=${service}`;
  const names = await kubectl('get', 'endpointslices', slices, `--output=jsonpath=${ready}`);
  return names.trim().split(' ');
}

async function readyNodes(): Promise<number> {
  const status = '{.items[*].status.conditions[?(@.type=="Ready")].status}';
  const statuses = await kubectl('get', 'nodes', `--output=jsonpath=${status}`);
  return statuses.split(' ').filter((each) => each === 'True').length;
}
