import { runCell } from './testing/fault-matrix';
import { faultPhases, faults, struckIn } from './testing/faults';

describe.each(['h2', 'http/1.1'] as const)('over %s', (protocol) => {
  describe.each(Object.entries(faults))('a fault of the API server, %s,', (_, fault) => {
    const phases = faultPhases.filter((phase) => 'kind' in struckIn(fault, phase));

    it.each(phases)(
      'that lasts fifteen minutes from %s the first sync is met, and recovered from, to exactly the set there is',
      async (phase) => {
        await runCell(fault, phase, protocol);
      },
    );
  });
});
