/** Runs around the whole test run: no output written during the run may contain a secret. */
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { folderVariable } from './record.ts';
import { reportOf } from './report.ts';
import { searchRun } from './search.ts';

export default function setUp(project: TestProject): () => Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'mailbridge-secrets-'));
  // A bridge in a test may run as another user.
  chmodSync(folder, 0o777);
  process.env[folderVariable] = folder;
  return async () => {
    try {
      const { summary, faults } = reportOf(searchRun(folder), await isWholeRun(project));
      process.stderr.write(`${summary}\n`);
      for (const fault of faults) process.stderr.write(`secret search: ${fault}\n`);
      if (faults.length > 0) process.exitCode = 1;
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  };
}

/** Whether every test file was run, and every test of it. */
async function isWholeRun(project: TestProject): Promise<boolean> {
  const { testFiles } = await project.globTestFiles();
  const ran = project.vitest.state.getTestModules().length;
  return ran === testFiles.length && project.vitest.config.testNamePattern === undefined;
}
