import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { Clock } from '../../base/clock.ts';
import { LockTimeoutError } from '../../base/files/file-lock.ts';
import type { RecordTable } from '../../base/record-table.ts';

export interface RecordLockOptions {
  readonly records: RecordTable;
  readonly kind: string;
  readonly key: string;
  readonly clock: Clock;
  /** How long to wait for it. */
  readonly timeoutMs: number;
}

/** Interval at which the holder signals that it is alive. */
const beatMs = 4_000;
/** A holder silent for this long is dead, or cannot reach the store: anybody can take the lock. */
const staleMs = 15_000;
const firstPauseMs = 50;
const longestPauseMs = 500;

/**
 * A lock with one holder at a time, among all instances that share the records. It does not compare the clocks of two
 * machines: a waiting instance watches whether the record stays the same. The record is never deleted, so its versions
 * never start over. A holder that was frozen may still believe that it has the lock: therefore data guarded by it is
 * written only in place of the version that was read.
 */
export class RecordLock {
  readonly #options: RecordLockOptions;

  constructor(options: RecordLockOptions) {
    this.#options = options;
  }

  /**
   * Waits for the lock and takes it. Not reentrant: a holder that takes it again waits for itself.
   * @returns a function that releases it and never rejects
   * @throws LockTimeoutError, which names the holder, or what the records reject with
   */
  async take(): Promise<() => Promise<void>> {
    // A waiting command has nothing else to do, and the clock's timers do not keep it alive.
    const alive = setInterval(() => {}, longestPauseMs);
    try {
      return await this.#take();
    } finally {
      clearInterval(alive);
    }
  }

  async #take(): Promise<() => Promise<void>> {
    const { records, kind, key, clock, timeoutMs } = this.#options;
    const holder = `${hostname()}, process ${process.pid}`;
    const value = JSON.stringify({ holder, id: randomUUID() });
    let seen = { version: -1, forMs: 0 };
    let waitedMs = 0;
    for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(longestPauseMs, pauseMs * 2)) {
      const found = await records.get(kind, key, clock.now());
      const version = found?.version ?? 0;
      if (version !== seen.version) seen = { version, forMs: 0 };
      if (!found || found.value === '' || seen.forMs >= staleMs) {
        const taken = await records.put(kind, key, value, { ifVersion: version, soft: true });
        if (taken !== undefined) return this.#held(value, taken);
      }
      if (waitedMs >= timeoutMs) throw new LockTimeoutError(holderOf(found?.value));
      // Randomized, so that no waiting instance is always just too late.
      const waitMs = pauseMs * (0.5 + Math.random() / 2);
      await new Promise<void>((resolve) => clock.after(waitMs, resolve));
      waitedMs += waitMs;
      seen.forMs += waitMs;
    }
  }

  #held(value: string, taken: number): () => Promise<void> {
    const { records, kind, key, clock } = this.#options;
    let version: number | undefined = taken;
    let last = Promise.resolve();
    let cancel = () => {};
    const write = (text: string) => {
      last = last.then(async () => {
        if (version === undefined) return;
        // A lock that cannot be renewed becomes stale, and another instance takes it.
        const ifVersion = version;
        version = await records.put(kind, key, text, { ifVersion, soft: true }).catch(() => ifVersion);
      });
      return last;
    };
    const beat = () => {
      void write(value);
      cancel = clock.after(beatMs, beat);
    };
    cancel = clock.after(beatMs, beat);
    return async () => {
      cancel();
      await write('');
    };
  }
}

function holderOf(value = ''): string {
  try {
    return String((JSON.parse(value) as { readonly holder?: unknown }).holder);
  } catch {
    return 'another instance';
  }
}
