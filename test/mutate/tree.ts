import { spawn } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Mutant } from './mutants.ts';

/** The fate of a mutant: no test failed, one did, or they did not end. */
export type Fate = 'killed' | 'survived' | 'timeout';

const copied = ['src', 'test', 'bin', 'docs', 'certs', 'package.json', 'tsconfig.json', 'config.schema.json'];

/** A copy of the project that contains one mutant at a time. */
export class Tree {
  readonly #folder: string;
  readonly #project: string;
  /** The process group that is running tests. */
  #group: number | undefined;

  constructor(project: string) {
    this.#project = project;
    this.#folder = mkdtempSync(join(tmpdir(), 'mailbridge-mutate-'));
    for (const each of [...copied, 'config.example.json', 'CHANGELOG.md', 'README.md', 'CONTRIBUTING.md']) {
      cpSync(join(project, each), join(this.#folder, each), { recursive: true });
    }
    symlinkSync(join(project, 'node_modules'), join(this.#folder, 'node_modules'));
  }

  /** Runs the given tests in order, up to the first failure. */
  async fateOf(mutant: Mutant, tests: readonly string[], timeoutMs: number): Promise<Fate> {
    const path = join(this.#folder, mutant.file);
    const original = readFileSync(path);
    writeFileSync(path, mutant.source);
    try {
      return await this.run(tests, timeoutMs);
    } finally {
      // As copied: the project may have changed since.
      writeFileSync(path, original);
    }
  }

  /** Runs tests on the tree as it is. */
  run(tests: readonly string[], timeoutMs: number): Promise<Fate> {
    const config = join(this.#folder, 'test/mutate/vitest.config.ts');
    const args = ['run', '--config', config, '--root', this.#folder, '--bail=1', ...tests];
    const child = spawn(process.execPath, [join(this.#project, 'node_modules/vitest/vitest.mjs'), ...args], {
      cwd: this.#folder,
      // Its own process group, so that a hung test is ended with all its children.
      detached: true,
      stdio: 'ignore',
      env: { ...process.env, MUTATE_TESTS: tests.join(','), FORCE_COLOR: '0' },
    });
    this.#group = child.pid;
    return new Promise((resolve, reject) => {
      let isLate = false;
      const timer = setTimeout(() => {
        isLate = true;
        endGroup(child.pid);
      }, timeoutMs);
      child.once('error', reject);
      child.once('close', (code) => {
        clearTimeout(timer);
        endGroup(child.pid);
        this.#group = undefined;
        resolve(isLate ? 'timeout' : code === 0 ? 'survived' : 'killed');
      });
    });
  }

  /** Also ends what still runs in it. */
  remove(): void {
    endGroup(this.#group);
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

function endGroup(pid: number | undefined): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL');
  } catch {
    // All of it has already ended.
  }
}
