// fetch to one virtual address, connections kept alive.
import { runClient } from '../client';
import { deadlineMs } from '../request';
import { failureOf, outcomeOf } from './failure-of';
import { VirtualAddress } from './virtual-address-agent';

runClient(({ addresses }) => {
  const virtual = new VirtualAddress(addresses);
  return {
    call: async (request) => {
      try {
        return outcomeOf(await virtual.fetch(request, AbortSignal.timeout(deadlineMs)));
      } catch (error: unknown) {
        return failureOf(error);
      }
    },
    update: (set) => {
      virtual.update(set);
    },
    close: () => virtual.close(),
  };
});
