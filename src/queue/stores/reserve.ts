import { randomFillSync } from 'node:crypto';
import { closeSync, fsyncSync, openSync, statSync, truncateSync, writeSync } from 'node:fs';

/**
 * As much as SQLite's log grows before it starts over (1000 pages of 8 kB), and that again: with this much the outcomes
 * of any number of deliveries can be written.
 */
export const reserveOctets = 16 * 1024 * 1024;

/**
 * Space on the disk, taken beforehand by a file that means nothing, and given back when the disk is full: what was
 * delivered can then still be recorded, and is not sent twice.
 */
export class Reserve {
  readonly #file: string;
  readonly #octets: number;

  constructor(file: string, octets = reserveOctets) {
    this.#file = file;
    this.#octets = octets;
  }

  /** Takes the space unless it is taken. @returns whether there was enough of it */
  take(): boolean {
    if (this.#size() === this.#octets) return true;
    try {
      this.#fill();
      return true;
    } catch {
      this.release();
      return false;
    }
  }

  /** Gives the space back. @returns whether there was any */
  release(): boolean {
    if (this.#size() === 0) return false;
    try {
      truncateSync(this.#file, 0);
      return true;
    } catch {
      return false;
    }
  }

  #size(): number {
    return statSync(this.#file, { throwIfNoEntry: false })?.size ?? 0;
  }

  /** Octets by chance, because some file systems store nothing for zeros. */
  #fill(): void {
    const block = randomFillSync(Buffer.alloc(1024 * 1024));
    const file = openSync(this.#file, 'w', 0o600);
    try {
      for (let written = 0; written < this.#octets; ) {
        written += writeSync(file, block, 0, Math.min(block.length, this.#octets - written));
      }
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
  }
}
