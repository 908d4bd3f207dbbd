import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { formatAddress } from '@movies/discovery';
import { FakeConsul } from '../../packages/discovery/src/testing/fake-consul';
import { RatingServer } from '../../packages/service-client/src/grpc/testing/rating-server';
import { killServiceProcesses, ServiceProcess } from '../system/service-process';
import { Elsewhere, root } from './elsewhere';
import { exampleUnder, examplesUnder } from './readme-examples';

const elsewhere = new Elsewhere();

beforeAll(async () => {
  const manifest = await readFile(path.join(root, 'package.json'), 'utf8');
  const { devDependencies } = JSON.parse(manifest) as { devDependencies: Record<string, string> };
  await elsewhere.install(`@grpc/grpc-js@${devDependencies['@grpc/grpc-js'] ?? ''}`);
}, 150_000);

afterAll(() => elsewhere.close());

/** Every door of what is installed, as a user imports it. */
async function doors(): Promise<string[]> {
  const names = ['@movies/time', '@movies/discovery', '@movies/service-client'].map(
    async (name) => {
      const manifest: unknown = JSON.parse(
        await elsewhere.read('node_modules', name, 'package.json'),
      );
      const { exports } = manifest as { exports: Record<string, unknown> };
      const code = Object.keys(exports).filter((door) => door !== './package.json');
      return code.map((door) => path.posix.join(name, door));
    },
  );
  return (await Promise.all(names)).flat();
}

/** What the compiler says of these files. */
const typeCheck = (...files: string[]) => elsewhere.typeCheck(...files);

/** The same lines where there are neither import statements nor a top-level `await`. */
function asCommonJs(lines: string): string {
  const [imports = '', ...rest] = lines.split('\n\n');
  return `${imports.replaceAll(/import (.*) from (.*);/g, 'const $1 = require($2);')}\n${inMain(rest)}`;
}

function inMain(paragraphs: readonly string[]): string {
  return `async function main() {\n${paragraphs.join('\n\n')}}\nvoid main();\n`;
}

/** The example under a heading of a README; only the address of Consul differs. */
async function consulExampleUnder(
  heading: string,
  file: string,
  { address }: Pick<FakeConsul, 'address'>,
): Promise<string> {
  const block = await exampleUnder(heading, file);
  expect(block).toContain('consul://127.0.0.1:8500');
  return block.replace('127.0.0.1:8500', formatAddress(address));
}

describe("the README's example, beside a metadata service that is registered at a Consul", () => {
  let consul: FakeConsul;
  let lines: string;
  /** What they print: status, who answered, the answer. */
  let printed: RegExp;

  beforeAll(async () => {
    consul = await FakeConsul.start();
    const address = formatAddress(consul.address);
    const metadata = new ServiceProcess({
      script: 'services/metadata/src/main.ts',
      args: ['--port', '0', '--registry', `consul://${address}`],
    });
    await metadata.ready();
    const [id = ''] = consul.registered.map((entry) => entry.split('=')[0]);
    // Consul's ids are unique per node.
    printed = new RegExp(`^200 \\S+/${id} \\{\\s+id: '1',\\s+title: '`);
    lines = await consulExampleUnder('Use the library', 'README.md', consul);
  });

  afterAll(async () => {
    await killServiceProcesses();
    await consul.stop();
  });

  it('run as an ES module, and end by themselves', async () => {
    await elsewhere.write('ten-lines.mjs', lines);
    expect(await elsewhere.node('ten-lines.mjs')).toMatch(printed);
  });

  it('run as CommonJS', async () => {
    await elsewhere.write('ten-lines.cjs', asCommonJs(lines));
    expect(await elsewhere.node('ten-lines.cjs')).toMatch(printed);
  });

  it('compile as TypeScript for both, strict, and run', async () => {
    const [imports = '', ...rest] = lines.split('\n\n');
    await elsewhere.write('typed-lines.mts', lines);
    await elsewhere.write('typed-lines.cts', `${imports}\n${inMain(rest)}`);
    expect(await typeCheck('typed-lines.mts', 'typed-lines.cts')).toBe('');
    expect(await elsewhere.node('compiled/typed-lines.mjs')).toMatch(printed);
    expect(await elsewhere.node('compiled/typed-lines.cjs')).toMatch(printed);
  }, 60_000);
});

describe("the discovery package's example of registering", () => {
  let consul: FakeConsul;
  let lines: string;

  beforeAll(async () => {
    consul = await FakeConsul.start();
    lines = await consulExampleUnder('Registering', 'packages/discovery/README.md', consul);
  });

  afterAll(() => consul.stop());

  it('registers, reports itself ready, and deregisters on SIGTERM', async () => {
    await elsewhere.write('registering.mjs', lines);
    const calls = () => consul.calls.map(({ method, path: called }) => `${method} ${called}`);
    const beat = 'PUT /v1/agent/check/update/service%3Aorders-1';
    const ready = consul.next(({ path: called }) => called.startsWith('/v1/agent/check/update/'));
    const { child, ended } = elsewhere.start('registering.mjs');
    await Promise.race([ready, ended]);
    expect(calls()).toEqual(['PUT /v1/agent/service/register', beat]);
    expect(consul.registered).toEqual(['orders-1=passing']);
    child.kill('SIGTERM');
    await ended;
    expect(calls().at(-1)).toBe('PUT /v1/agent/service/deregister/orders-1');
    expect(consul.registered).toEqual([]);
  });

  it('compiles as TypeScript, strict', async () => {
    await elsewhere.write('registering.mts', lines);
    expect(await typeCheck('registering.mts')).toBe('');
  });
});

describe("the discovery package's example of discovering", () => {
  let consul: FakeConsul;
  let lines: string;

  beforeAll(async () => {
    consul = await FakeConsul.start();
    consul.publish('rating', [{ ID: 'rating-1', Address: '127.0.0.1', Port: 8082 }]);
    lines = await consulExampleUnder('Discovering', 'packages/discovery/README.md', consul);
  });

  afterAll(() => consul.stop());

  it('prints the instances, the first snapshot and the end, and ends by itself', async () => {
    await elsewhere.write('discovering.mjs', lines);
    expect(await elsewhere.node('discovering.mjs')).toBe('1\n1 1 up to date\nclosed undefined\n');
  });
});

/** What the tools of a user make of a .proto file, less what the example does not use. */
const generated = {
  js: `
    const { Client } = require('@grpc/grpc-js');
    const serialize = (value) => Buffer.from(JSON.stringify(value));
    const deserialize = (bytes) => JSON.parse(bytes.toString());
    exports.RatingClient = class extends Client {
      read(request, options, callback) {
        this.makeUnaryRequest('/shop.Rating/Read', serialize, deserialize, request, options, callback);
      }
    };`,
  types: `
    import { Client, type CallOptions, type requestCallback } from '@grpc/grpc-js';
    export class RatingClient extends Client {
      read(request: { id: string }, options: CallOptions, callback: requestCallback<{ mean: number }>): void;
    }`,
};

describe("the service client's example of gRPC, beside a server that is registered at a Consul", () => {
  let consul: FakeConsul;
  let server: RatingServer;
  let lines: string;
  /** The same with the options of the example after it. */
  let withOptions: string;

  beforeAll(async () => {
    [consul, server] = await Promise.all([FakeConsul.start(), RatingServer.start('rating-1')]);
    const { host, port } = server.instance();
    consul.publish('rating', [{ ID: 'rating-1', Address: host, Port: port }]);
    const file = 'packages/service-client/README.md';
    lines = await consulExampleUnder('gRPC', file, consul);
    const [, options = ''] = await examplesUnder('gRPC', file);
    withOptions = lines
      .replace('\n\n', `\n\n${options}\n`)
      .replace('credentials.createInsecure()', 'credentials.createInsecure(), options');
    await elsewhere.write('rating.js', generated.js);
    await elsewhere.write('rating.d.ts', generated.types);
  });

  afterAll(async () => {
    server.kill();
    await consul.stop();
  });

  it.each(['without options', 'with them'])(
    'runs %s as an ES module and as CommonJS, and ends',
    async (which) => {
      const script = which === 'with them' ? withOptions : lines;
      await elsewhere.write('grpc.mjs', script);
      expect(await elsewhere.node('grpc.mjs')).toBe('4.5\n');
      await elsewhere.write('grpc.cjs', asCommonJs(script));
      expect(await elsewhere.node('grpc.cjs')).toBe('4.5\n');
    },
  );

  it('compiles as TypeScript for both, strict', async () => {
    const [imports = '', ...rest] = withOptions.split('\n\n');
    await elsewhere.write('grpc-plain.mts', lines);
    await elsewhere.write('grpc-typed.mts', withOptions);
    await elsewhere.write('grpc-typed.cts', `${imports}\n${inMain(rest)}`);
    expect(await typeCheck('grpc-plain.mts', 'grpc-typed.mts', 'grpc-typed.cts')).toBe('');
    await elsewhere.write('compiled/rating.js', generated.js);
    expect(await elsewhere.node('compiled/grpc-typed.mjs')).toBe('4.5\n');
    expect(await elsewhere.node('compiled/grpc-typed.cjs')).toBe('4.5\n');
  }, 60_000);
});

it.each([
  ['Calling', 'packages/service-client/README.md'],
  ['Discovering', 'packages/discovery/README.md'],
  ['Instances from elsewhere', 'packages/discovery/README.md'],
  ['Kubernetes', 'packages/discovery/README.md'],
  ['Writing an adapter', 'packages/discovery/README.md'],
])('the example under %s in %s compiles as TypeScript, strict', async (heading, file) => {
  await elsewhere.write('example.mts', await exampleUnder(heading, file));
  expect(await typeCheck('example.mts')).toBe('');
});

it('each door gives an ES module the same names and objects as CommonJS', async () => {
  await elsewhere.write(
    'doors.mjs',
    `import { createRequire } from 'node:module';
     const require = createRequire(import.meta.url);
     for (const door of process.argv.slice(2)) {
       const required = require(door);
       const imported = await import(door);
       const names = Object.keys(required);
       const same = names.filter((name) => imported[name] === required[name]);
       console.log(door, names.length > 0 && same.length === names.length);
     }`,
  );
  const specifiers = await doors();
  expect(await elsewhere.node('doors.mjs', ...specifiers)).toBe(
    specifiers.map((door) => `${door} true\n`).join(''),
  );
});

it('the types of each door hold', async () => {
  const specifiers = await doors();
  const imports = specifiers.map(
    (door, i) => `import * as door${i} from '${door}';\nvoid door${i};\n`,
  );
  await elsewhere.write('doors.mts', imports.join(''));
  await elsewhere.write('doors.cts', imports.join(''));
  expect(await typeCheck('doors.mts', 'doors.cts')).toBe('');
});

it('the types know what is wrong', async () => {
  await elsewhere.write(
    'wrong.mts',
    `import { ServiceClient } from '@movies/service-client';
     new ServiceClient({ service: 'metadata', registry: 'consul:' });`,
  );
  await expect(typeCheck('wrong.mts')).rejects.toThrow(
    "Type 'string' is not assignable to type 'Registry'",
  );
});

/** What the package's README tells writers of adapters to do, as far as a set in memory can. */
const ownAdapter = `
  const { WatchedRegistry } = require('@movies/discovery/adapter');
  const { registryContract } = require('@movies/discovery/contract');
  const { MemoryRegistry } = require('@movies/discovery/memory');
  const { registrarContract } = require('@movies/discovery/registrar-contract');
  const { ManualClock } = require('@movies/time/testing');

  const asksNobody = 'it asks nobody, so nobody can fail to answer';
  registryContract(
    'an own registry',
    () => {
      const sets = new Map();
      const sinks = new Map();
      const registry = new WatchedRegistry({
        name: 'own',
        open: ({ service }, sink) => ({
          turn: async () => {
            sinks.set(service, sink);
            sink.publish(sets.get(service) ?? []);
            return Infinity;
          },
          close: () => sinks.delete(service),
        }),
      });
      const publish = async (service, instances) => {
        sets.set(service, instances);
        sinks.get(service)?.publish(instances);
      };
      return { registry, publish, close: () => registry.close() };
    },
    {
      'not yet known is not known to be empty': asksNobody,
      'discover waits for the first sync up to a limit': asksNobody,
      'a failure before the first sync is told': asksNobody,
      'a wait that fails fast does not wait for the registry to heal': asksNobody,
      'a failure is reported beside the last good set, which stays in force': asksNobody,
      'a set is equal again after the registry failed several times': asksNobody,
    },
  );

  registrarContract(
    'MemoryRegistry',
    () => {
      const clock = new ManualClock();
      const registry = new MemoryRegistry({ clock });
      const letBeatsPass = () => clock.advance(1000);
      const close = () => registry.close();
      return { registry, registrar: registry, service: 'metadata', letBeatsPass, close };
    },
    {
      'register rejects with registry_unavailable when nothing answers': asksNobody,
      'what was forgotten is registered again in the state it reported': asksNobody,
    },
  );
`;

it('an adapter written elsewhere runs the contracts in a jest of its own', async () => {
  await elsewhere.write('own-adapter.test.js', ownAdapter);
  const config = JSON.stringify({ transform: {}, testEnvironment: 'node' });
  const report = await elsewhere.tool('jest/bin/jest.js', '--json', '--config', config);
  // A clause that fails rejects the line above.
  const { numPassedTests, numPendingTests } = JSON.parse(report) as Record<string, unknown>;
  expect(numPassedTests).toBeGreaterThan(20);
  expect(numPendingTests).toBe(8);
});
