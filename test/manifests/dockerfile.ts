import dockerignore from '@balena/dockerignore';
import { DockerfileParser, type Instruction } from 'dockerfile-ast';
import { readFileSync } from 'node:fs';
import path from 'node:path';

const root = path.resolve(__dirname, '../..');
const read = (file: string) => readFileSync(path.join(root, file), 'utf8');

export const dockerfile = DockerfileParser.parse(read('Dockerfile'));

/** Whether .dockerignore keeps a file from the build. */
export const isIgnored = (file: string): boolean => ignored.ignores(file);
const ignored = dockerignore().add(read('.dockerignore'));

/** Those of a keyword, in all stages or some instructions. */
export const instructionsOf = (
  keyword: string,
  instructions: readonly Instruction[] = dockerfile.getInstructions(),
): Instruction[] => instructions.filter((instruction) => instruction.getKeyword() === keyword);

/** The arguments of an instruction. */
export const wordsOf = (instruction: Instruction): string[] =>
  instruction.getArguments().map((argument) => argument.getValue());

/** A stage's instructions, by its name. */
export function stage(name: string): Instruction[] {
  const all = dockerfile.getInstructions();
  const lines = all.map((instruction) => instruction.getRange().start.line);
  const froms = dockerfile.getFROMs();
  const index = froms.findIndex((from) => from.getBuildStage() === name);
  const begin = froms[index]?.getRange().start.line ?? Infinity;
  const end = froms[index + 1]?.getRange().start.line ?? Infinity;
  return all.filter((_, at) => (lines[at] ?? 0) >= begin && (lines[at] ?? 0) < end);
}
