import { dirname } from 'node:path';
import type { Clock } from '../base/clock.ts';
import { appendToOwnFile, readOwnFile, replaceOwnFile } from '../base/files/own-file.ts';
import { makeOwnFolder } from '../base/files/own-folder.ts';
import type { QueuedMessage } from '../queue/message.ts';
import type { DuplicateDrops } from './duplicate-drops.ts';

/** What became of a message that may be a duplicate. */
export type Claim =
  /** The same message is here already, under this id. */
  | { readonly duplicateOf: string }
  /** It is the first: call `keep` when it is accepted, or `release` when it is not. */
  | { readonly duplicateOf: undefined; keep(): void; release(): void };

interface Entry {
  readonly id: string;
  readonly expiresAtMs: number;
  /** Whether the message with this id is accepted; true once that is known. */
  accepted: true | Promise<boolean>;
}

/** Lines that the file may have before those that have expired are dropped from it. */
const fewestLines = 10_000;

/**
 * Remembers messages for a while, so that the same one from an impatient client is not sent twice: also where the
 * client did not get its 250 because the bridge died. The file is not synced: what a loss of power takes from it costs
 * a duplicate at most.
 */
export class DuplicateFilter {
  readonly #file: string;
  readonly #clock: Clock;
  readonly #wasInVain: (id: string) => boolean;
  readonly #drops: Pick<DuplicateDrops, 'note'>;
  readonly #entries = new Map<string, Entry>();
  #lines = 0;
  #compactAt = fewestLines;

  /**
   * @param wasInVain whether a message that was accepted has reached nobody, and will not
   * @param drops told of each duplicate
   * @throws Error of the file system, but not for a file that is not there yet
   */
  constructor(file: string, clock: Clock, wasInVain: (id: string) => boolean, drops: Pick<DuplicateDrops, 'note'>) {
    this.#file = file;
    this.#clock = clock;
    this.#wasInVain = wasInVain;
    this.#drops = drops;
    for (const line of linesOf(file)) {
      this.#lines += 1;
      const [expires, fingerprint, id] = line.split(' ');
      if (!fingerprint || !id || !(Number(expires) > clock.now())) continue;
      this.#entries.set(fingerprint, { id, expiresAtMs: Number(expires), accepted: true });
    }
  }

  /**
   * Waits while the same message is being accepted over another connection. One that has failed since is no reason to
   * drop the next: its sender may well send it again because it has failed.
   * @param id what the message will be called
   * @param windowMs how long it counts as the same
   */
  async claim(fingerprint: string, id: string, windowMs: number): Promise<Claim> {
    for (;;) {
      const known = this.#entries.get(fingerprint);
      if (known === undefined || !this.#isFresh(known, windowMs)) return this.#first(fingerprint, id, windowMs);
      if (!(await known.accepted)) continue;
      if (!this.#wasInVain(known.id)) {
        this.#drops.note(known.id);
        return { duplicateOf: known.id };
      }
      if (this.#entries.get(fingerprint) === known) return this.#first(fingerprint, id, windowMs);
    }
  }

  /** A window that would last longer than windows do is over: the clock has been set back. */
  #isFresh({ expiresAtMs }: Entry, windowMs: number): boolean {
    const leftMs = expiresAtMs - this.#clock.now();
    return leftMs > 0 && leftMs <= windowMs;
  }

  #first(fingerprint: string, id: string, windowMs: number): Claim {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const entry: Entry = { id, expiresAtMs: this.#clock.now() + windowMs, accepted: promise };
    this.#entries.set(fingerprint, entry);
    return {
      duplicateOf: undefined,
      keep: () => {
        entry.accepted = true;
        resolve(true);
        this.#write(fingerprint, entry);
      },
      release: () => {
        if (entry.accepted === true) return;
        this.#entries.delete(fingerprint);
        resolve(false);
      },
    };
  }

  #write(fingerprint: string, { expiresAtMs, id }: Entry): void {
    try {
      if (++this.#lines > this.#compactAt) this.#compact();
      else appendToOwnFile(this.#file, `${expiresAtMs} ${fingerprint} ${id}\n`);
    } catch {
      // The disk is full, and others say so. The message is accepted all the same.
    }
  }

  #compact(): void {
    const now = this.#clock.now();
    for (const [fingerprint, { expiresAtMs }] of this.#entries) {
      if (expiresAtMs <= now) this.#entries.delete(fingerprint);
    }
    const kept = [...this.#entries].filter(([, { accepted }]) => accepted === true);
    const lines = kept.map(([fingerprint, { expiresAtMs, id }]) => `${expiresAtMs} ${fingerprint} ${id}\n`);
    replaceOwnFile(this.#file, lines.join(''));
    this.#lines = kept.length;
    this.#compactAt = Math.max(fewestLines, 2 * kept.length);
  }
}

/** Whether nobody got a message, and nobody will unless an administrator steps in. */
export function isInVain({ state, recipients }: QueuedMessage): boolean {
  const isOver = state === 'failed' || state === 'quarantined';
  return isOver && recipients.every((each) => each.state !== 'delivered');
}

function linesOf(file: string): string[] {
  makeOwnFolder(dirname(file));
  return (readOwnFile(file)?.toString('latin1') ?? '').split('\n').filter(Boolean);
}
