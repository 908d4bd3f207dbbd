import { rename, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { KubernetesRegistry } from '../kubernetes-registry';
import {
  accessWith,
  folder,
  kubeconfig,
  refusal,
  useFolder,
  write,
} from '../testing/kubeconfig-folder';
import type { KubeAccess } from './kube-access';
import { kubeAccessSource } from './kube-access-source';

useFolder();

describe('the access is found again', () => {
  it('when a file of the kubeconfig is changed, exchanged, added or removed, and only then', async () => {
    const files = ['one', 'two'].map((name) => path.join(folder, name));
    const source = kubeAccessSource({ env: { KUBECONFIG: files.join(path.delimiter), HOME: '/' } });
    await expect(source()).rejects.toThrow('no cluster configuration was found');
    await write(kubeconfig({ namespace: 'two' }), 'two');
    const two = await source();
    expect([two.namespace, await source()]).toEqual(['two', two]);
    await write(kubeconfig({ namespace: 'changed' }), 'two');
    expect((await source()).namespace).toBe('changed');
    await write(kubeconfig({ namespace: 'other' }), 'new');
    await rename(path.join(folder, 'new'), path.join(folder, 'two'));
    expect((await source()).namespace).toBe('other');
    await write(kubeconfig({ namespace: 'one' }), 'one');
    expect((await source()).namespace).toBe('one');
    await rm(path.join(folder, 'one'));
    expect((await source()).namespace).toBe('other');
  });
});

describe('what is not found is told', () => {
  it('no configuration at all, and localhost:8080 is not tried', async () => {
    expect(await refusal(kubeAccessSource({ env: { HOME: folder } })())).toBe(
      'no cluster configuration was found: set KUBECONFIG, or put a kubeconfig at ~/.kube/config; ' +
        'a pod needs the token of a service account',
    );
  });

  it('the same without a home, as of a user that the system does not know', async () => {
    const homeless = () => {
      throw new Error('uv_os_homedir returned ENOENT');
    };
    jest.spyOn(os, 'homedir').mockImplementation(homeless);
    try {
      expect(await refusal(kubeAccessSource({ env: {} })())).toMatch(
        /^no cluster configuration was found: set KUBECONFIG/,
      );
    } finally {
      jest.restoreAllMocks();
    }
  });

  it('a context, where there is no kubeconfig that could have it', async () => {
    expect(await refusal(kubeAccessSource({ context: 'home', env: { HOME: folder } })())).toMatch(
      /^there is no kubeconfig that could have the context 'home': set KUBECONFIG/,
    );
  });

  it('files that are not there, or say nothing', async () => {
    const file = path.join(folder, 'none');
    const env = { KUBECONFIG: file };
    expect(await refusal(kubeAccessSource({ env })())).toMatch(
      /^no cluster configuration was found; KUBECONFIG names \/none, which does not exist: set KUBECONFIG/,
    );
    await write('', 'none');
    expect(await refusal(kubeAccessSource({ env })())).toMatch(
      /names \/none, which says nothing: /,
    );
  });

  it('contexts of which none is the current one', async () => {
    expect(await refusal(accessWith({ current: '' }))).toBe(
      "the kubeconfig /config cannot be used: it has no current-context; there are 'home', 'home-staging': " +
        'kubectl config use-context chooses one',
    );
  });
});

describe('what is refused at once', () => {
  it('options that exclude each other', () => {
    const access = {} as KubeAccess;
    expect(() => kubeAccessSource({ context: 'home', access })).toThrow(
      new TypeError('context and access exclude each other: give one'),
    );
    const findAccess = async () => access;
    expect(() => kubeAccessSource({ access, findAccess })).toThrow(
      new TypeError('access and findAccess exclude each other: give one'),
    );
    expect(() => new KubernetesRegistry({ context: 'home', findAccess })).toThrow(
      'context and findAccess exclude each other: give one',
    );
  });

  it.each([
    ['api.test', "'api.test'"],
    ['https://api.test/', "'https://api.test/'"],
    ['https://ann:b@api.test', 'one with a user or password'],
  ])('an access whose server is %s', async (server, shown) => {
    const access = { server } as KubeAccess;
    const message = `the server of the access is ${shown}: expected https://host:port without a slash at its end`;
    expect(() => kubeAccessSource({ access })).toThrow(message);
    await expect(kubeAccessSource({ findAccess: async () => access })()).rejects.toThrow(message);
  });
});
