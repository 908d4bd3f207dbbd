import { faultPhases, faults, meaningless, runCell } from './testing/fault-matrix';

describe.each(Object.entries(faults))('a fault of the API server, %s,', (_, fault) => {
  const phases = faultPhases.filter((phase) => meaningless(fault, phase) === undefined);

  it.each(phases)(
    '%s the first sync is recovered from, to exactly the set there is',
    async (phase) => {
      await runCell(fault, phase, 'h2');
    },
  );
});
