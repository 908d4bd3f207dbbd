import { networkInterfaces } from 'node:os';
import { findAdvertisedAddress, type AdvertisedAddressSources } from './advertised-address';

const find = (sources: Partial<AdvertisedAddressSources>) =>
  findAdvertisedAddress({
    advertise: undefined,
    host: undefined,
    port: 81,
    agent: undefined,
    podIp: undefined,
    ...sources,
  });

it('is what the user says, with the bound port where that is left open', async () => {
  const podIp = '10.0.0.9';
  const advertise = { host: 'me.example', port: 7 };
  expect(await find({ advertise, podIp })).toEqual(advertise);
  expect(await find({ advertise: { host: 'me.example' } })).toEqual({
    host: 'me.example',
    port: 81,
  });
});

it("is the pod's address in a pod", async () => {
  expect(await find({ podIp: '10.0.0.9', host: '127.0.0.1' })).toEqual({
    host: '10.0.0.9',
    port: 81,
  });
});

it('is the bound host', async () => {
  expect(await find({ host: '::1' })).toEqual({ host: '::1', port: 81 });
});

it.each([undefined, '0.0.0.0', '::'])(
  'is loopback on all interfaces (%p) near the agent',
  async (host) => {
    for (const agentHost of ['127.0.0.1', 'localhost', '::1']) {
      const agent = { host: agentHost, port: 8500 };
      expect(await find({ host, agent })).toEqual({ host: '127.0.0.1', port: 81 });
    }
    expect(await find({ host })).toEqual({ host: '127.0.0.1', port: 81 });
  },
);

it('is the local address towards an agent elsewhere', async () => {
  const own = Object.values(networkInterfaces())
    .flat()
    .find((address) => address?.family === 'IPv4' && !address.internal);
  if (own === undefined) return; // A machine without a network has no such address.
  // Asking for the route to an address of this machine itself leaves the machine nowhere.
  const agent = { host: own.address, port: 8500 };
  expect(await find({ agent })).toEqual({ host: own.address, port: 81 });
});
