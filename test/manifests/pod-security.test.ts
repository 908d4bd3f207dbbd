import { readCombinations, violations } from './combinations';
import { at, isWorkload } from './kube-object';
import { restricted } from './pod-security';

const rendered = readCombinations();

/** Breaks every rule: what is not refused in it is not looked at. */
const container = {
  ports: [{ hostPort: 80 }],
  livenessProbe: { httpGet: { host: '10.0.0.1' } },
  securityContext: {
    privileged: true,
    windowsOptions: { hostProcess: true },
    capabilities: { drop: ['all'], add: ['NET_ADMIN'] },
    runAsUser: 0,
    seccompProfile: { type: 'Unconfined' },
    appArmorProfile: { type: 'Unconfined' },
    seLinuxOptions: { role: 'system_r' },
    procMount: 'Unmasked',
  },
};
const worstPod = {
  hostPID: true,
  volumes: [{ name: 'host', hostPath: { path: '/' } }],
  securityContext: { sysctls: [{ name: 'kernel.msgmax' }] },
  containers: [container],
};

describe.each(Object.entries(restricted))('%s', (_, rule) => {
  it('holds for every pod', () => {
    const workloads = rendered.filter(({ object }) => isWorkload(object));
    const faults = violations(workloads, (object) =>
      rule(at(object, 'spec.template.spec')) ? undefined : 'breaks it',
    );
    expect(faults).toEqual({});
  });

  it('is broken by a pod that does all that is forbidden', () => {
    expect(rule(worstPod)).toBe(false);
  });
});
