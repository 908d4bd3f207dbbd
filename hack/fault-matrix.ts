// Prints the fault matrix as a Markdown table: each fault in each phase, over both protocols (docs/fault-matrix.md).
import {
  faultPhases,
  faults,
  struckIn,
  type Fault,
  type FaultPhase,
} from '../packages/discovery/src/kubernetes/testing/faults';
import { runCell } from '../packages/discovery/src/kubernetes/testing/fault-matrix';

const protocols = ['h2', 'http/1.1'] as const;
/** Why a cell has no meaning, in the order of its mark. */
const footnotes: string[] = [];

async function main(): Promise<void> {
  const columns = protocols.flatMap((protocol) =>
    faultPhases.map((phase) => [protocol, phase] as const),
  );
  console.log(`| fault | ${columns.map((column) => column.join(', ')).join(' | ')} |`);
  console.log(`| --- |${' --- |'.repeat(columns.length)}`);
  for (const [name, fault] of Object.entries(faults)) {
    const cells: string[] = [];
    for (const [protocol, phase] of columns) {
      const struck = struckIn(fault, phase);
      cells.push(
        'without' in struck ? `–${mark(struck.without)}` : await measure(fault, phase, protocol),
      );
    }
    console.log(`| ${name} | ${cells.join(' | ')} |`);
  }
  console.log();
  footnotes.forEach((reason) => {
    console.log(`${mark(reason)} ${reason}  `);
  });
}

async function measure(
  fault: Fault,
  phase: FaultPhase,
  protocol: (typeof protocols)[number],
): Promise<string> {
  try {
    const { met, recoveredMs, reasons } = await runCell(fault, phase, protocol);
    return [`${met}×`, (recoveredMs / 1000).toFixed(1), reasons.join(', ')].join(' ').trim();
  } catch (error: unknown) {
    process.exitCode = 1;
    return `**FAILED**: ${error instanceof Error ? error.message : String(error)}`;
  }
}

function mark(reason: string): string {
  if (!footnotes.includes(reason)) footnotes.push(reason);
  return '¹²³⁴⁵⁶⁷⁸⁹'.charAt(footnotes.indexOf(reason));
}

void main();
