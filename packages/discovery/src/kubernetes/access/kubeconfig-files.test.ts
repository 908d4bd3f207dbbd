import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { folder, kubeconfig, refusal, useFolder, write } from '../testing/kubeconfig-folder';
import { kubeAccessSource } from './kube-access-source';

useFolder();

it('a kubeconfig may name the same in several files, of which the first counts', async () => {
  const first = await write(kubeconfig({ user: { token: 'first' } }), 'one');
  const second = await write(kubeconfig({ user: { token: 'second' } }), 'two');
  const env = { KUBECONFIG: [first, second].join(path.delimiter) };
  const { headers } = await (await kubeAccessSource({ env })()).credentials();
  expect(headers).toEqual({ authorization: 'Bearer first' });
});

it.each(['utf-16le', 'utf-16be', 'utf-8'])(
  'a kubeconfig may be in %s with a byte order mark, as some shells write it',
  async (encoding) => {
    const text = `\ufeff${kubeconfig({ namespace: 'movies' })}`;
    const content = Buffer.from(text, encoding === 'utf-8' ? 'utf8' : 'utf16le');
    if (encoding === 'utf-16be') content.swap16();
    const file = path.join(folder, 'config');
    await writeFile(file, content);
    expect((await kubeAccessSource({ env: { KUBECONFIG: file } })()).namespace).toBe('movies');
  },
);

describe('several files', () => {
  const merged = (...files: readonly string[]) => ({ KUBECONFIG: files.join(path.delimiter) });

  it('may be missing, as long as one is there', async () => {
    const file = await write(kubeconfig({ namespace: 'movies' }));
    const [one, two] = ['one', 'two'].map((name) => path.join(folder, name));
    expect(
      (await kubeAccessSource({ env: merged(one ?? '', file, '', two ?? '') })()).namespace,
    ).toBe('movies');
  });

  it('may be empty', async () => {
    const file = await write(kubeconfig({ namespace: 'movies' }));
    const files = [await write('', 'one'), await write('# nothing\n', 'two'), file];
    expect((await kubeAccessSource({ env: merged(...files) })()).namespace).toBe('movies');
  });

  it('give one another contexts, clusters and users, each whole from the first that has it', async () => {
    const contexts = [{ name: 'home', context: { cluster: 'home', user: 'home' } }];
    const first = await write(JSON.stringify({ 'current-context': 'home', contexts }), 'one');
    const second = await write(
      kubeconfig({ namespace: 'second', user: { token: 'second' } }),
      'two',
    );
    const access = await kubeAccessSource({ env: merged(first, second) })();
    expect(access.namespace).toBe('default');
    expect((await access.credentials()).headers).toEqual({ authorization: 'Bearer second' });
  });

  it('have paths that start at the folder of each', async () => {
    await mkdir(path.join(folder, 'sub'));
    await write('there', 'sub/token');
    const users = [{ name: 'home', user: { tokenFile: 'token' } }];
    const first = await write(JSON.stringify({ users }), 'sub/config');
    const second = await write(kubeconfig({}), 'two');
    const access = await kubeAccessSource({ env: merged(first, second) })();
    expect((await access.credentials()).headers).toEqual({ authorization: 'Bearer there' });
  });

  it('are all refused if one is no kubeconfig', async () => {
    const files = [await write(kubeconfig({})), await write('a: [', 'two')];
    expect(await refusal(kubeAccessSource({ env: merged(...files) })())).toMatch(
      'the kubeconfig /two cannot be used: it is not YAML at line 1 (BAD_INDENT)',
    );
  });
});

describe('a kubeconfig is YAML as client-go reads it', () => {
  const withUser = (user: string) => `apiVersion: v1
kind: Config
current-context: c
contexts: [{name: c, context: {cluster: k, user: u}}]
clusters: [{name: k, cluster: {server: "https://api.test"}}]
users:
- name: u
  user: ${user}`;
  const authorization = async (text: string) => {
    const access = await kubeAccessSource({ env: { KUBECONFIG: await write(text) } })();
    return (await access.credentials()).headers['authorization'];
  };

  it.each([
    ['of two equal keys the last', '{token: a, token: b}', 'Bearer b'],
    ['a date is text', '{token: 2024-01-01}', 'Bearer 2024-01-01'],
    ['a time is text', '{token: 1:30}', 'Bearer 1:30'],
    ['null is nothing', '{token: a, tokenFile: null, exec: ~}', 'Bearer a'],
    ['what comes after the first document is not read', '{token: a}\n---\nb: [', 'Bearer a'],
    ['an alias', '{tokenFile: &a "", token: b, username: *a}', 'Bearer b'],
    ['a field that is not known', '{token: a, tokn: b}', 'Bearer a'],
  ])('%s', async (_, user, expected) => {
    expect(await authorization(withUser(user))).toBe(expected);
  });

  it('and JSON, also with tabs', async () => {
    const config = JSON.parse(kubeconfig({ user: { token: 'a' } })) as unknown;
    expect(await authorization(JSON.stringify(config, undefined, '\t'))).toBe('Bearer a');
  });

  it.each([
    [
      'a number where text belongs',
      withUser('{token: 123}'),
      'has no text as token: put it in quotes',
    ],
    [
      'yes where text belongs',
      withUser('{username: yes}'),
      'has no text as username: put it in quotes',
    ],
    ['a user that is none', withUser('[a]'), "the user 'u' is not a mapping of fields"],
    ['text', 'hello', 'its content is not a mapping of fields'],
    ['a list', '[1]', 'its content is not a mapping of fields'],
    ['another kind', 'kind: Pod', 'it is a Pod of v1, not a Config of v1'],
    ['another version', 'apiVersion: v2', 'it is a Config of v2, not a Config of v1'],
    ['users that are no list', withUser('{}') + '\nusers: {u: {}}', 'its users are not a list'],
    [
      'aliases of aliases without end',
      Array.from({ length: 12 }, (_, i) =>
        i === 0 ? 'a0: &a0 [x]' : `a${i}: &a${i} [${`*a${i - 1},`.repeat(9)}]`,
      ).join('\n'),
      'it is not YAML (too many aliases)',
    ],
  ])('and refuses %s', async (_, text, message) => {
    expect(await refusal(kubeAccessSource({ env: { KUBECONFIG: await write(text) } })())).toContain(
      `the kubeconfig /config cannot be used: ${message.startsWith('has') ? "the user 'u' " : ''}${message}`,
    );
  });
});

it('what the context does not lead to may be broken', async () => {
  const { contexts, clusters, users, ...rest } = JSON.parse(
    kubeconfig({ user: { token: 'a' } }),
  ) as Record<string, unknown[]>;
  const broken = [
    null,
    1,
    {},
    { name: 5 },
    { name: 'bare' },
    { name: 'text', cluster: 'x', user: 'x', context: 'x' },
    { name: 'twice' },
    { name: 'twice' },
    { name: 'odd', cluster: { server: 5 }, user: { exec: {} }, context: { cluster: 'none' } },
  ];
  const KUBECONFIG = await write(
    JSON.stringify({
      ...rest,
      contexts: [...broken, ...(contexts ?? [])],
      clusters: [...broken, ...(clusters ?? [])],
      users: [...broken, ...(users ?? [])],
    }),
  );
  const access = await kubeAccessSource({ env: { KUBECONFIG } })();
  expect((await access.credentials()).headers).toEqual({ authorization: 'Bearer a' });
  for (const [context, message] of [
    ['twice', "the context 'twice' is there twice: remove one"],
    ['odd', "the context 'odd' names the cluster 'none', which does not exist"],
    ['bare', "the context 'bare' names no cluster"],
  ] as const) {
    expect(await refusal(kubeAccessSource({ context, env: { KUBECONFIG } })())).toBe(
      `the kubeconfig /config cannot be used: ${message}`,
    );
  }
});

describe('a file is refused', () => {
  it('a file that cannot be read', async () => {
    expect(await refusal(kubeAccessSource({ env: { KUBECONFIG: folder } })())).toBe(
      'the kubeconfig  cannot be used: it cannot be read (EISDIR)',
    );
  });

  it('a file that is no YAML', async () => {
    const env = { KUBECONFIG: await write('clusters: [') };
    expect(await refusal(kubeAccessSource({ env })())).toMatch(
      /^the kubeconfig \/config cannot be used: /,
    );
  });
});
