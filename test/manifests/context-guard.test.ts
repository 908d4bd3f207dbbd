import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { whyRefused } from '../cluster/cluster';

/** A kubeconfig of nothing that answers: the guard asks no cluster. */
function withContext(name: string, env: Readonly<Record<string, string>> = {}): string | undefined {
  const folder = mkdtempSync(path.join(tmpdir(), 'movies-guard-'));
  const file = path.join(folder, 'config');
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': name,
    clusters: [{ name, cluster: { server: 'https://127.0.0.1:1' } }],
    contexts: [{ name, context: { cluster: name, user: 'user' } }],
    users: [{ name: 'user', user: {} }],
  };
  writeFileSync(file, JSON.stringify(config));
  try {
    return whyRefused({ PATH: process.env['PATH'], KUBECONFIG: file, ...env });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

it.each(['kind-movies', 'k3d-movies', 'docker-desktop'])('lets tests have %s', (context) => {
  expect(withContext(context)).toBeUndefined();
});

it('keeps tests from a cluster elsewhere, and says why', () => {
  expect(withContext('production')).toBe(
    "make test-cluster: context production, namespace movies\nmake test-cluster: the context 'production' is none of kind, minikube, k3d, Docker Desktop, OrbStack, Colima or Rancher Desktop; make test-cluster deletes things in a cluster: CLUSTER_IS_MINE=1 says that it may in this one",
  );
});

it('lets tests have the cluster that the user says is his', () => {
  expect(withContext('production', { CLUSTER_IS_MINE: '1' })).toBeUndefined();
});

it('says that there is no cluster', () => {
  expect(whyRefused({ PATH: process.env['PATH'], KUBECONFIG: '/nowhere' })).toContain(
    'kubectl has no current context',
  );
});
