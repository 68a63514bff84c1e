import type { ImportGraph } from './import-graph.ts';
import type { Mutant } from './mutants.ts';
import type { Fate, Tree } from './tree.ts';

/** A mutant, and its fate. */
export interface Trial {
  readonly mutant: Mutant;
  readonly fate: Fate;
  readonly tests: readonly string[];
}

interface Judgement {
  readonly tests: readonly string[];
  readonly durationMs: number;
}

/** A test that takes longer than this is not about details. */
const longestTestMs = 120_000;

/** By test file: its duration. */
export type Durations = Readonly<Record<string, number>>;

/** Which tests judge a file: the nearest of those that pass on the unchanged program. */
export class Judges {
  readonly #graph: ImportGraph;
  readonly #perFile: number;
  /** By test file: its duration, undefined if it fails. */
  readonly #durations: Map<string, Promise<number | undefined>>;

  /** @param known what an earlier run measured */
  constructor(graph: ImportGraph, perFile: number, known: Durations = {}) {
    this.#graph = graph;
    this.#perFile = perFile;
    this.#durations = new Map(Object.entries(known).map(([test, takesMs]) => [test, Promise.resolve(takesMs)]));
  }

  /** The shortest first: most mutants do not survive it. */
  async judgesOf(file: string, tree: Tree): Promise<Judgement> {
    const passing: { test: string; takesMs: number }[] = [];
    for (const test of this.#graph.testsOf(file).slice(0, 3 * this.#perFile)) {
      if (passing.length === this.#perFile) break;
      const takesMs = await this.#durationOf(test, tree);
      if (takesMs !== undefined) passing.push({ test, takesMs });
    }
    passing.sort((one, other) => one.takesMs - other.takesMs);
    const durationMs = passing.reduce((sum, { takesMs }) => sum + takesMs, 0);
    return { tests: passing.map(({ test }) => test), durationMs };
  }

  /** All durations known by now. */
  async durations(): Promise<Durations> {
    const all = [...this.#durations].map(async ([test, takesMs]) => [test, await takesMs] as const);
    return Object.fromEntries((await Promise.all(all)).flatMap(([test, ms]) => (ms === undefined ? [] : [[test, ms]])));
  }

  #durationOf(test: string, tree: Tree): Promise<number | undefined> {
    const known = this.#durations.get(test) ?? measure(test, tree);
    this.#durations.set(test, known);
    return known;
  }
}

/** Retries a failed test once: on a busy machine it need not be the test's fault. */
async function measure(test: string, tree: Tree): Promise<number | undefined> {
  for (let runs = 1; ; runs++) {
    const startedAtMs = performance.now();
    const fate = await tree.run([test], longestTestMs);
    if (fate === 'survived') return performance.now() - startedAtMs;
    if (runs < 2) continue;
    console.error(`${test} is left out: ${fate === 'killed' ? 'it fails' : 'it takes too long'}`);
    return undefined;
  }
}

/** Tries the mutants in order, one in each tree at a time, as long as there is time. */
export async function tryAll(
  mutants: readonly Mutant[],
  judges: Judges,
  trees: readonly Tree[],
  isTimeLeft: () => boolean,
  told: (trial: Trial, done: number) => void,
): Promise<readonly Trial[]> {
  const trials: (Trial | undefined)[] = mutants.map(() => undefined);
  let next = 0;
  let done = 0;
  const work = async (tree: Tree): Promise<void> => {
    for (let index = next++; index < mutants.length && isTimeLeft(); index = next++) {
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
  const { tests, durationMs } = await judges.judgesOf(mutant.file, tree);
  const fate = tests.length === 0 ? 'survived' : await tree.fateOf(mutant, tests, 3 * durationMs + 30_000);
  return { mutant, fate, tests };
}
