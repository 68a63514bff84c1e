import type { Clock } from '../../../base/clock.ts';
import { errorText } from '../../../base/errors.ts';
import type { Log } from '../../../base/log.ts';
import { OneAtATime } from '../../../base/one-at-a-time.ts';

/** Delay after the first unwritten use: many uses, one write. */
const writeAfterMs = 5_000;

export interface NotedUsesOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** A use sooner than this after the last recorded one, in milliseconds, adds nothing. */
  readonly noteEveryMs: number;
  /** Whether an app password with that ID exists; the uses of others are dropped. */
  isKnown(id: string): boolean;
  /** Writes uses, in milliseconds since 1970, by the IDs of the app passwords. One call at a time. */
  write(uses: ReadonlyMap<string, number>): Promise<void>;
}

/** Collects uses of app passwords until they are written. */
export class NotedUses {
  readonly #options: NotedUsesOptions;
  readonly #writes = new OneAtATime();
  /** When each was last recorded. */
  readonly #notedMs = new Map<string, number>();
  #unwritten = new Map<string, number>();
  #cancel: (() => void) | undefined;

  constructor(options: NotedUsesOptions) {
    this.#options = options;
  }

  /** Records a use; it is written soon, and nobody waits for that. */
  note(id: string): void {
    const { clock, noteEveryMs } = this.#options;
    const now = clock.now();
    const last = this.#notedMs.get(id);
    if (last !== undefined && now >= last && now - last < noteEveryMs) return;
    this.#notedMs.set(id, now);
    this.#unwritten.set(id, now);
    this.#cancel ??= clock.after(writeAfterMs, () => void this.#write());
  }

  /** Writes anything still pending. */
  async close(): Promise<void> {
    await this.#write();
  }

  /** Never rejects. What cannot be written is kept for the next write. */
  #write(): Promise<void> {
    const { log, isKnown, write } = this.#options;
    this.#cancel?.();
    this.#cancel = undefined;
    for (const id of this.#notedMs.keys()) if (!isKnown(id)) this.#notedMs.delete(id);
    return this.#writes.run(async () => {
      const uses = new Map([...this.#unwritten].filter(([id]) => isKnown(id)));
      this.#unwritten = new Map();
      if (uses.size === 0) return;
      try {
        await write(uses);
      } catch (error) {
        this.#unwritten = new Map([...uses, ...this.#unwritten]);
        log.warn({ error }, `cannot save the use of app passwords: ${errorText(error)}`);
      }
    });
  }
}
