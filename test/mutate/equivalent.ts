import type { Mutant } from './mutants.ts';

/** A mutant that no test can kill, because nobody can tell it from the program. */
export interface Equivalent {
  readonly file: string;
  /** The line as it is, and as it becomes. */
  readonly before: string;
  readonly after: string;
  readonly why: string;
}

const equivalents: readonly Equivalent[] = [];

/** Why nobody can tell a mutant from the program; undefined where somebody can. */
export function whyEquivalent({ file, before, after }: Mutant): string | undefined {
  return equivalents.find((each) => each.file === file && each.before === before.trim() && each.after === after.trim())
    ?.why;
}
