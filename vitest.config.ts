import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 30_000,
    hookTimeout: 30_000,
    globalSetup: ['test/support/temporary-run-folder.ts', 'test/support/secret-search/test-run.ts'],
    setupFiles: ['test/support/secret-search/test-process.ts'],
    pool: 'forks',
    // Most tests wait for other processes; by itself vitest leaves a processor free.
    maxWorkers: '100%',
  },
});
