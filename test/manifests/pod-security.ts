import { at, isRecord, listAt } from './kube-object';

/** Whether a pod's spec keeps to one rule. */
export type PodRule = (pod: unknown) => boolean;

function containers(pod: unknown): readonly unknown[] {
  return ['containers', 'initContainers', 'ephemeralContainers'].flatMap((kind) =>
    listAt(pod, kind),
  );
}

const everyContainer =
  (rule: (container: unknown) => boolean): PodRule =>
  (pod) =>
    containers(pod).every(rule);

/** A container's own value, else the pod's, for every container. */
const inEffect =
  (path: string, allowed: (value: unknown) => boolean): PodRule =>
  (pod) =>
    containers(pod).every((container) => {
      const own = at(container, `securityContext.${path}`);
      return allowed(own === undefined ? at(pod, `securityContext.${path}`) : own);
    });

const isAbsentOrOf =
  (...values: readonly unknown[]) =>
  (value: unknown): boolean =>
    value === undefined || values.includes(value);

const volumeKinds = [
  ...['configMap', 'csi', 'downwardAPI', 'emptyDir', 'ephemeral', 'persistentVolumeClaim'],
  ...['projected', 'secret'],
];

const safeSysctls = [
  ...[
    'kernel.shm_rmid_forced',
    'net.ipv4.ip_local_port_range',
    'net.ipv4.ip_unprivileged_port_start',
  ],
  ...['net.ipv4.tcp_syncookies', 'net.ipv4.ping_group_range', 'net.ipv4.ip_local_reserved_ports'],
  ...['net.ipv4.tcp_keepalive_time', 'net.ipv4.tcp_fin_timeout', 'net.ipv4.tcp_keepalive_intvl'],
  ...['net.ipv4.tcp_keepalive_probes', 'net.ipv4.tcp_rmem', 'net.ipv4.tcp_wmem'],
];

const handlers = [
  ...['startupProbe', 'readinessProbe', 'livenessProbe'],
  ...['lifecycle.preStop', 'lifecycle.postStart'],
];

/**
 * The rules of the level `restricted`, which has those of `baseline` in it
 * (https://kubernetes.io/docs/concepts/security/pod-security-standards/).
 */
export const restricted: Readonly<Record<string, PodRule>> = {
  'no namespaces of the host': (pod) =>
    ['hostNetwork', 'hostPID', 'hostIPC'].every((field) => isAbsentOrOf(false)(at(pod, field))),
  'no ports of the host': everyContainer((container) =>
    listAt(container, 'ports').every((port) => isAbsentOrOf(0)(at(port, 'hostPort'))),
  ),
  'no host in probes and hooks': everyContainer((container) =>
    handlers.every((handler) =>
      ['httpGet', 'tcpSocket'].every((kind) =>
        isAbsentOrOf('')(at(container, `${handler}.${kind}.host`)),
      ),
    ),
  ),
  'not privileged': everyContainer((container) =>
    isAbsentOrOf(false)(at(container, 'securityContext.privileged')),
  ),
  'no process of the Windows host': inEffect('windowsOptions.hostProcess', isAbsentOrOf(false)),
  'no escalation of privileges': everyContainer(
    (container) => at(container, 'securityContext.allowPrivilegeEscalation') === false,
  ),
  'all capabilities dropped': everyContainer((container) =>
    listAt(container, 'securityContext.capabilities.drop').includes('ALL'),
  ),
  'no capability added but NET_BIND_SERVICE': everyContainer((container) =>
    listAt(container, 'securityContext.capabilities.add').every(
      (name) => name === 'NET_BIND_SERVICE',
    ),
  ),
  'not as root, and said so': inEffect('runAsNonRoot', (value) => value === true),
  'no root user': (pod) =>
    [pod, ...containers(pod)].every((part) => at(part, 'securityContext.runAsUser') !== 0),
  'a seccomp profile': inEffect('seccompProfile.type', (type) =>
    ['RuntimeDefault', 'Localhost'].includes(String(type)),
  ),
  'the default AppArmor profile': inEffect(
    'appArmorProfile.type',
    isAbsentOrOf('RuntimeDefault', 'Localhost'),
  ),
  'no SELinux user or role': (pod) =>
    [pod, ...containers(pod)].every((part) =>
      ['user', 'role'].every((field) =>
        isAbsentOrOf('')(at(part, `securityContext.seLinuxOptions.${field}`)),
      ),
    ),
  'the default /proc': everyContainer((container) =>
    isAbsentOrOf('Default')(at(container, 'securityContext.procMount')),
  ),
  'no sysctl that is not safe': (pod) =>
    listAt(pod, 'securityContext.sysctls').every((sysctl) =>
      safeSysctls.includes(String(at(sysctl, 'name'))),
    ),
  'no volume of the host': (pod) =>
    listAt(pod, 'volumes').every(
      (volume) =>
        isRecord(volume) &&
        Object.keys(volume).every((key) => key === 'name' || volumeKinds.includes(key)),
    ),
};
