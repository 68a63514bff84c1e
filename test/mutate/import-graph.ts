import { globSync, readFileSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';

/** Which test files reach a source file, and through how many imports. */
export class ImportGraph {
  readonly #importers = new Map<string, Set<string>>();

  /** @param project its root folder */
  constructor(project: string) {
    for (const file of globSync('{src,test}/**/*.ts', { cwd: project })) {
      const text = readFileSync(join(project, file), 'utf8');
      // A thread or a process is named by its URL.
      for (const [, specifier = ''] of text.matchAll(/(?:from|import|new URL)\s*\(?\s*'(\.[^']+)'/g)) {
        const target = posix.join(dirname(file), specifier);
        const importers = this.#importers.get(target) ?? new Set();
        this.#importers.set(target, importers.add(file));
      }
    }
  }

  /**
   * Those in the file's room first, then those in the folder that mirrors its own, then by fewest imports, then by
   * name.
   */
  testsOf(file: string): string[] {
    const distance = new Map([[file, 0]]);
    for (const [each, steps] of distance) {
      for (const importer of this.#importers.get(each) ?? []) {
        if (!distance.has(importer)) distance.set(importer, steps + 1);
      }
    }
    const folder = dirname(file).split('/').slice(1);
    const rank = (test: string) => {
      const folders = dirname(test).split('/').slice(1);
      const isOwnRoom = folders[0] === folder[0];
      return [isOwnRoom ? foldersBetween(folder, folders) : Number.MAX_SAFE_INTEGER, distance.get(test) ?? 0] as const;
    };
    return (
      [...distance.keys()]
        // Tests of whole programs take minutes, and do not check details.
        .filter((each) => each.endsWith('.test.ts') && !each.startsWith('test/e2e/'))
        .toSorted((one, other) => {
          const [[foldersA, stepsA], [foldersB, stepsB]] = [rank(one), rank(other)];
          return foldersA - foldersB || stepsA - stepsB || one.localeCompare(other);
        })
    );
  }
}

/** How many folders lie between two: up to the common one, and down again. */
function foldersBetween(one: readonly string[], other: readonly string[]): number {
  let shared = 0;
  while (shared < one.length && one[shared] === other[shared]) shared++;
  return one.length + other.length - 2 * shared;
}
