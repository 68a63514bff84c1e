import { join } from 'node:path';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

const wanted = (process.env.MUTATE_TESTS ?? '').split(',');

/** The nearest test first: it is most likely to fail, and the run ends there. */
class Nearest extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const at = ({ moduleId }: TestSpecification) => wanted.findIndex((each) => moduleId.endsWith(`/${each}`));
    return files.toSorted((one, other) => at(one) - at(other));
  }
}

/** The usual tests, one file after the other, without the search for secrets, which examines whole runs. */
export default defineConfig({
  cacheDir: join(import.meta.dirname, '../../.mutate-cache'),
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    globalSetup: [join(import.meta.dirname, '../support/temporary-run-folder.ts')],
    pool: 'forks',
    maxWorkers: 1,
    fileParallelism: false,
    sequence: { sequencer: Nearest },
    reporters: ['dot'],
  },
});
