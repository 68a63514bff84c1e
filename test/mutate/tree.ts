import { spawn } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Mutant } from './mutants.ts';

/** How a mutant fared: no test failed, one did, or they did not come to an end. */
export type Fate = 'killed' | 'survived' | 'timeout';

const copied = ['src', 'test', 'bin', 'docs', 'certs', 'package.json', 'tsconfig.json', 'config.schema.json'];

/** A copy of the project in which one mutant at a time lives. */
export class Tree {
  readonly #folder: string;
  readonly #project: string;
  /** The process group that runs tests now. */
  #group: number | undefined;

  constructor(project: string) {
    this.#project = project;
    this.#folder = mkdtempSync(join(tmpdir(), 'mailbridge-mutate-'));
    for (const each of [...copied, 'config.example.json', 'CHANGELOG.md', 'README.md', 'CONTRIBUTING.md']) {
      cpSync(join(project, each), join(this.#folder, each), { recursive: true });
    }
    symlinkSync(join(project, 'node_modules'), join(this.#folder, 'node_modules'));
  }

  /** Runs the tests given, in that order, up to the first that fails. */
  async fateOf(mutant: Mutant, tests: readonly string[], timeoutMs: number): Promise<Fate> {
    const path = join(this.#folder, mutant.file);
    const original = readFileSync(path);
    writeFileSync(path, mutant.source);
    try {
      return await this.run(tests, timeoutMs);
    } finally {
      // As it was copied: the project may have changed meanwhile.
      writeFileSync(path, original);
    }
  }

  /** Runs tests on whatever the tree holds. */
  run(tests: readonly string[], timeoutMs: number): Promise<Fate> {
    const config = join(this.#folder, 'test/mutate/vitest.config.ts');
    const args = ['run', '--config', config, '--root', this.#folder, '--bail=1', ...tests];
    const child = spawn(process.execPath, [join(this.#project, 'node_modules/vitest/vitest.mjs'), ...args], {
      cwd: this.#folder,
      // A group of its own, so that what hangs is ended with all that it has started.
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

  /** Ends what still runs in it, too. */
  remove(): void {
    endGroup(this.#group);
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

function endGroup(pid: number | undefined): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL');
  } catch {
    // All of it has ended already.
  }
}
