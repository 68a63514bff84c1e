import type { ImportGraph } from './import-graph.ts';
import type { Mutant } from './mutants.ts';
import type { Fate, Tree } from './tree.ts';

/** A mutant, and what became of it. */
export interface Trial {
  readonly mutant: Mutant;
  readonly fate: Fate;
  readonly tests: readonly string[];
}

interface Judgement {
  readonly tests: readonly string[];
  readonly durationMs: number;
}

type Stage = () => Promise<Judgement>;

/** How many tests are run first. */
const firstStage = 2;

/** A test that takes longer than this is for other things than details. */
const longestTestMs = 120_000;

/** Which tests judge a file: the nearest of those that pass on the program as it is. */
export class Judges {
  readonly #graph: ImportGraph;
  readonly #perFile: number;
  /** By test file: how long it takes, undefined where it fails. */
  readonly #durations = new Map<string, Promise<number | undefined>>();

  constructor(graph: ImportGraph, perFile: number) {
    this.#graph = graph;
    this.#perFile = perFile;
  }

  /** The tests in two stages: most mutants do not outlive the first, which is short. */
  stagesOf(file: string, tree: Tree): readonly Stage[] {
    const reaching = this.#graph.testsOf(file).slice(0, 3 * this.#perFile);
    return [
      () => this.#passing(reaching, firstStage, tree),
      async () => {
        const first = await this.#passing(reaching, firstStage, tree);
        const all = await this.#passing(reaching, this.#perFile, tree);
        return { tests: all.tests.slice(first.tests.length), durationMs: all.durationMs };
      },
    ];
  }

  async #passing(reaching: readonly string[], count: number, tree: Tree): Promise<Judgement> {
    const tests: string[] = [];
    let durationMs = 0;
    for (const test of reaching) {
      if (tests.length === count) break;
      const takesMs = await this.#durationOf(test, tree);
      if (takesMs === undefined) continue;
      tests.push(test);
      durationMs += takesMs;
    }
    return { tests, durationMs };
  }

  #durationOf(test: string, tree: Tree): Promise<number | undefined> {
    const known = this.#durations.get(test) ?? measure(test, tree);
    this.#durations.set(test, known);
    return known;
  }
}

async function measure(test: string, tree: Tree): Promise<number | undefined> {
  const startedAtMs = performance.now();
  const fate = await tree.run([test], longestTestMs);
  if (fate !== 'survived')
    console.error(`${test} is left out: ${fate === 'killed' ? 'it fails' : 'it takes too long'}`);
  return fate === 'survived' ? performance.now() - startedAtMs : undefined;
}

/** Tries the mutants, one in each tree at a time, in their order. */
export async function tryAll(
  mutants: readonly Mutant[],
  judges: Judges,
  trees: readonly Tree[],
  told: (trial: Trial, done: number) => void,
): Promise<readonly Trial[]> {
  const trials: (Trial | undefined)[] = mutants.map(() => undefined);
  let next = 0;
  let done = 0;
  const work = async (tree: Tree): Promise<void> => {
    for (let index = next++; index < mutants.length; index = next++) {
      const mutant = mutants[index] as Mutant;
      const trial = await tryOne(mutant, judges, tree);
      trials[index] = trial;
      told(trial, ++done);
    }
  };
  await Promise.all(trees.map(work));
  return trials.filter((trial) => trial !== undefined);
}

async function tryOne(mutant: Mutant, judges: Judges, tree: Tree): Promise<Trial> {
  const judged: string[] = [];
  for (const stage of judges.stagesOf(mutant.file, tree)) {
    const { tests, durationMs } = await stage();
    if (tests.length === 0) continue;
    judged.push(...tests);
    const fate = await tree.fateOf(mutant, tests, 3 * durationMs + 30_000);
    if (fate !== 'survived') return { mutant, fate, tests: judged };
  }
  return { mutant, fate: 'survived', tests: judged };
}
