import { chmodSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { assertOwnFiles, databaseFiles } from './own-file.ts';
import { makeFolderOf } from './private-file.ts';

const firstPauseMs = 5;
const longestPauseMs = 100;

/** The lock did not become free in time. */
export class LockTimeoutError extends Error {
  override readonly name = 'LockTimeoutError';
}

/**
 * A lock with one holder at a time, among all callers of all processes on this machine. It is an SQLite database
 * without content: the operating system drops SQLite's lock with the process that holds it, however that ends. Its file
 * is never removed; removing it would let two processes lock two files of the same name.
 */
export class FileLock {
  readonly #file: string;
  readonly #timeoutMs: number;

  /**
   * @param file of the lock itself; created on first use, with its folder
   * @param timeoutMs how long to wait for it
   */
  constructor(file: string, timeoutMs: number) {
    this.#file = file;
    this.#timeoutMs = timeoutMs;
  }

  /**
   * Waits for the lock and takes it. Not reentrant: a holder that takes it again waits for itself.
   * @returns a function that releases it
   * @throws LockTimeoutError, BridgeError `data-folder-unsafe`, or an Error of the file system
   */
  async take(): Promise<() => void> {
    await makeFolderOf(this.#file);
    this.#assertOwn();
    // Monotonic: setting the clock neither ends the wait nor prolongs it.
    const untilMs = performance.now() + this.#timeoutMs;
    for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(longestPauseMs, pauseMs * 2)) {
      const database = this.#tryToTake();
      if (database) return () => database.close();
      if (performance.now() >= untilMs) throw new LockTimeoutError(`locked for ${this.#timeoutMs} ms`);
      // Randomized, so that no waiting process is always just too late.
      await sleep(pauseMs * (0.5 + Math.random()));
    }
  }

  /**
   * Takes the lock if it is free. The folder of its file must exist.
   * @returns a function that releases it; undefined if the lock is taken
   * @throws BridgeError `data-folder-unsafe`, or an Error of the file system
   */
  takeIfFree(): (() => void) | undefined {
    this.#assertOwn();
    const database = this.#tryToTake();
    return database && (() => database.close());
  }

  /** SQLite opens files by name, and follows links. */
  #assertOwn(): void {
    assertOwnFiles(...databaseFiles(this.#file));
  }

  #tryToTake(): DatabaseSync | undefined {
    const database = new DatabaseSync(this.#file, { timeout: 0 });
    try {
      // By name: opening and closing the file here would drop this process's locks on it (fcntl(2)).
      chmodSync(this.#file, 0o600);
      // Nothing is ever written, so there is no journal.
      database.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
      return database;
    } catch (error) {
      database.close();
      if (/database is (locked|busy)/i.test(String(error))) return undefined;
      throw error;
    }
  }
}
