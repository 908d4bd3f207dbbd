// The scripted API server as a process of its own: `scripted-api-server.ts HOST PROTOCOL`. Its parent tells it by
// messages what there is; it says where it is, and each connection by its client's port.
import { FakeApiServer } from '../../packages/discovery/src/testing/fake-api-server';
import { sliceOf } from '../../packages/discovery/src/testing/slices';

/** What it is told: the addresses of `metadata`. */
export interface ScriptedAddresses {
  readonly addresses: readonly string[];
}

/** What it answers. */
export interface ScriptedState {
  readonly port: number;
  readonly ca: string;
  /** The ports of its present clients. */
  readonly clients: readonly number[];
  readonly watches: number;
}

async function main([host = '127.0.0.1', protocol]: readonly string[]): Promise<void> {
  const fake = await FakeApiServer.start(protocol === 'http/1.1' ? 'http/1.1' : 'h2', host);
  const { port, ca } = fake;
  process.on('message', ({ addresses }: ScriptedAddresses) => {
    if (addresses.length > 0) fake.put(sliceOf('metadata', addresses));
    const state: ScriptedState = {
      port,
      ca,
      clients: fake.clientPorts,
      watches: fake.openWatches.length,
    };
    process.send?.(state);
  });
  process.once('disconnect', () => void fake.stop());
}

void main(process.argv.slice(2));
