import { globSync, readFileSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';

/** Which test files reach a source file, and by how many imports. */
export class ImportGraph {
  readonly #importers = new Map<string, Set<string>>();

  /** @param project its root */
  constructor(project: string) {
    for (const file of globSync('{src,test}/**/*.ts', { cwd: project })) {
      const text = readFileSync(join(project, file), 'utf8');
      for (const [, specifier = ''] of text.matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g)) {
        const target = posix.join(dirname(file), specifier);
        const importers = this.#importers.get(target) ?? new Set();
        this.#importers.set(target, importers.add(file));
      }
    }
  }

  /** The nearest first; among equals those of the file's own room, then by name. */
  testsOf(file: string): string[] {
    const distance = new Map([[file, 0]]);
    for (const [each, steps] of distance) {
      for (const importer of this.#importers.get(each) ?? []) {
        if (!distance.has(importer)) distance.set(importer, steps + 1);
      }
    }
    const room = dirname(file).split('/')[1] ?? '';
    const rank = (test: string) => [test.startsWith(`test/${room}/`) ? 0 : 1, distance.get(test) ?? 0] as const;
    return (
      [...distance.keys()]
        // Those of whole programs take minutes, and what they look at is no detail.
        .filter((each) => each.endsWith('.test.ts') && !each.startsWith('test/e2e/'))
        .toSorted((one, other) => {
          const [[ownA, stepsA], [ownB, stepsB]] = [rank(one), rank(other)];
          return ownA - ownB || stepsA - stepsB || one.localeCompare(other);
        })
    );
  }
}
