import { readFileSync } from 'node:fs';
import path from 'node:path';
import {
  differing,
  ofKind,
  overlays,
  readCombinations,
  unlessEqual,
  violations,
} from './combinations';
import { at, isRecord, isWorkload, listAt, type KubeObject } from './kube-object';
import { manifests } from './render';

const rendered = readCombinations();
const pod = 'spec.template.spec';
const ensurePassword = `${pod}.initContainers.0`;
const server = `${pod}.containers.0`;
const withOurs = overlays.filter((overlay) => overlay !== 'database-url');

const isPostgres = ({ metadata }: KubeObject) => metadata.name === 'postgres';
const sets = () => ofKind(rendered, 'StatefulSet', isPostgres);
const keepers = (...overlay: readonly string[]) =>
  ofKind(
    rendered,
    'Deployment',
    ({ metadata }, combination) =>
      metadata.name !== 'movie' && overlay.includes(combination.overlay),
  );

it.each([
  ['spec.replicas', 1],
  ['spec.serviceName', 'postgres-headless'],
  ['spec.persistentVolumeClaimRetentionPolicy', { whenDeleted: 'Retain', whenScaled: 'Retain' }],
  ['spec.volumeClaimTemplates.0.spec.resources.requests.storage', '1Gi'],
  [`${pod}.serviceAccountName`, 'postgres'],
  [`${pod}.enableServiceLinks`, false],
  [`${pod}.terminationGracePeriodSeconds`, 60],
  [`${pod}.securityContext.runAsUser`, 65532],
  [`${pod}.securityContext.runAsGroup`, 65532],
  [`${pod}.securityContext.fsGroup`, 65532],
  // With Always PostgreSQL would find its folder open to the group, and refuse to start.
  [`${pod}.securityContext.fsGroupChangePolicy`, 'OnRootMismatch'],
  [`${pod}.initContainers.1`, undefined],
  [`${pod}.containers.1`, undefined],
  [`${ensurePassword}.image`, 'gcr.io/distroless/nodejs24-debian12:nonroot'],
  [`${ensurePassword}.imagePullPolicy`, 'IfNotPresent'],
  [`${ensurePassword}.securityContext.readOnlyRootFilesystem`, true],
  [`${server}.securityContext.readOnlyRootFilesystem`, true],
  [`${server}.imagePullPolicy`, 'IfNotPresent'],
  // The image's entrypoint makes the database first, and is then replaced by PostgreSQL, which gets the signals.
  [`${server}.command`, undefined],
  [`${server}.args`, ['postgres', '-c', 'hba_file=/etc/postgres/pg_hba.conf']],
  [`${server}.ports`, [{ containerPort: 5432, name: 'postgres', protocol: 'TCP' }]],
  [`${server}.resources.requests`, { cpu: '100m', 'ephemeral-storage': '16Mi', memory: '256Mi' }],
  [`${server}.resources.limits`, { cpu: '1', 'ephemeral-storage': '64Mi', memory: '512Mi' }],
])('%s is %j', (path, expected) => {
  expect(differing(sets(), path, expected)).toEqual({});
});

it('is in every overlay, but where a database of yours is', () => {
  expect(new Set(sets().map(({ combination }) => combination.overlay))).toEqual(new Set(withOurs));
});

it('no overlay has a budget for it: there is one, which may go', () => {
  const budgets = ofKind(rendered, 'PodDisruptionBudget');
  expect(
    violations(budgets, (object) => (isPostgres(object) ? 'should not be' : undefined)),
  ).toEqual({});
});

it('its Service has an address of its own, which refuses while it is away', () => {
  const services = ofKind(rendered, 'Service', isPostgres);
  expect(differing(services, 'spec.clusterIP', undefined)).toEqual({});
  const port = { name: 'postgres', port: 5432, protocol: 'TCP', targetPort: 'postgres' };
  expect(differing(services, 'spec.ports', [port])).toEqual({});
});

it('has started once services are let in, is ready as they come to it, and alive by its socket', () => {
  const probes = ['startupProbe', 'readinessProbe', 'livenessProbe'];
  const commands = [
    [
      ...['psql', '--username=postgres', '--no-psqlrc', '--quiet'],
      '--file=/etc/postgres/movies.sql',
    ],
    ['pg_isready', '--quiet', '--host=127.0.0.1', '--username=movies', '--dbname=movies'],
    ['pg_isready', '--quiet', '--username=postgres'],
  ];
  const faults = violations(sets(), (object) =>
    unlessEqual(
      probes.map((probe) => at(object, `${server}.${probe}.exec.command`)),
      commands,
    ),
  );
  expect(faults).toEqual({});
});

describe('the password', () => {
  it('is in a Secret that comes without it, so that another apply does not take it away', () => {
    const secrets = ofKind(rendered, 'Secret');
    const faults = violations(secrets, (object) =>
      object.metadata.name === 'postgres-password'
        ? unlessEqual(Object.keys(object).sort(), ['apiVersion', 'kind', 'metadata', 'type'])
        : 'unknown',
    );
    expect(faults).toEqual({});
    expect(new Set(secrets.map(({ combination }) => combination.overlay))).toEqual(
      new Set(withOurs),
    );
  });

  it('is looked after by the init container, for the server in memory', () => {
    const command = [
      ...['/nodejs/bin/node', '/etc/postgres/ensure-password.mjs'],
      ...['postgres-password', '/run/password/password'],
      '/var/run/secrets/kubernetes.io/serviceaccount',
    ];
    expect(differing(sets(), `${ensurePassword}.command`, command)).toEqual({});
    const faults = violations(sets(), (object) => {
      const mountOf = (container: string) =>
        listAt(object, `${container}.volumeMounts`).find((one) => at(one, 'name') === 'password');
      const mountPath = '/run/password';
      return (
        unlessEqual(mountOf(ensurePassword), { mountPath, name: 'password' }) ??
        unlessEqual(mountOf(server), { mountPath, name: 'password', readOnly: true }) ??
        unlessEqual(volume(object, 'password'), {
          emptyDir: { medium: 'Memory', sizeLimit: '1Mi' },
          name: 'password',
        })
      );
    });
    expect(faults).toEqual({});
  });

  it('is waited for by the pods of metadata and rating', () => {
    const secret = {
      items: [{ key: 'password', path: 'password' }],
      secretName: 'postgres-password',
    };
    const faults = violations(keepers(...withOurs), (object) =>
      unlessEqual(volume(object, 'database'), { name: 'database', secret }),
    );
    expect(faults).toEqual({});
  });

  it('is in no environment, and in no address', () => {
    const workloads = rendered.filter(({ object }) => isWorkload(object));
    const faults = violations(workloads, (object) =>
      ['containers', 'initContainers']
        .flatMap((kind) => listAt(object, `${pod}.${kind}`))
        .flatMap((container) => [...listAt(container, 'env'), ...listAt(container, 'envFrom')])
        .find(
          (one) =>
            /password$/i.test(String(at(one, 'name'))) ||
            isRecord(at(one, 'secretRef')) ||
            isRecord(at(one, 'valueFrom.secretKeyRef')) ||
            /:\/\/[^/@]*:[^/@]*@/.test(String(at(one, 'value'))),
        ),
    );
    expect(faults).toEqual({});
  });

  it('of the superuser nobody knows: he comes by the socket alone', () => {
    const env = [
      { name: 'PGDATA', value: '/var/lib/postgresql/data/pgdata' },
      { name: 'POSTGRES_PASSWORD_FILE', value: '/proc/sys/kernel/random/uuid' },
    ];
    expect(differing(sets(), `${server}.env`, env)).toEqual({});
    const file = path.join(manifests, 'components/database-postgres/server/pg_hba.conf');
    const lines = readFileSync(file, 'utf8')
      .split('\n')
      .filter((line) => /^[^#]/.test(line))
      .map((line) => line.split(/\s+/).join(' '));
    expect(lines).toEqual(['local all postgres trust', 'host movies movies all scram-sha-256']);
  });
});

it.each([
  ['DATABASE_URL', 'DATABASE_URL_FILE', withOurs],
  ['DATABASE_URL_FILE', 'DATABASE_URL', ['database-url']],
])('metadata and rating are told by %s, and not by %s, in %j', (name, other, of) => {
  const folder = '/var/run/secrets/movies/database';
  const values = {
    DATABASE_URL: `postgres://movies@postgres/movies?password-file=${folder}/password`,
    DATABASE_URL_FILE: `${folder}/url`,
  } as Readonly<Record<string, string>>;
  const faults = violations(
    keepers(...of),
    (object) =>
      unlessEqual(variable(object, name), { name, value: values[name] }) ??
      unlessEqual(variable(object, other), undefined) ??
      unlessEqual(at(object, `${server}.volumeMounts`), [
        { mountPath: folder, name: 'database', readOnly: true },
      ]),
  );
  expect(faults).toEqual({});
});

it('a database of yours is named by the Secret `database`, whose other keys are files too', () => {
  const faults = violations(keepers('database-url'), (object) =>
    unlessEqual(volume(object, 'database'), {
      name: 'database',
      secret: { secretName: 'database' },
    }),
  );
  expect(faults).toEqual({});
});

it('movie, which keeps nothing, is told of no database', () => {
  const movies = ofKind(rendered, 'Deployment', ({ metadata }) => metadata.name === 'movie');
  const faults = violations(movies, (object) => {
    const env = listAt(object, `${server}.env`);
    const told = env.find((one) => String(at(one, 'name')).startsWith('DATABASE'));
    return told ?? volume(object, 'database');
  });
  expect(faults).toEqual({});
});

it('the files of the server have their hash in their name, so that a change restarts it', () => {
  const faults = violations(sets(), (object) => {
    const name = String(at(volume(object, 'files'), 'configMap.name'));
    return /^postgres-[a-z0-9]{10}$/.test(name) ? undefined : name;
  });
  expect(faults).toEqual({});
  const names = ['ensure-password.mjs', 'movies.sql', 'pg_hba.conf'];
  const files = ofKind(rendered, 'ConfigMap', ({ metadata }) =>
    metadata.name.startsWith('postgres-'),
  );
  const others = violations(files, (object) =>
    unlessEqual(Object.keys(object['data'] as object).sort(), names),
  );
  expect(others).toEqual({});
});

function variable(workload: unknown, name: string): unknown {
  return listAt(workload, `${server}.env`).find((one) => at(one, 'name') === name);
}

function volume(workload: unknown, name: string): unknown {
  return listAt(workload, `${pod}.volumes`).find((one) => at(one, 'name') === name);
}
