import { randomFillSync } from 'node:crypto';
import { closeSync, fsyncSync, lstatSync, unlinkSync, writeSync } from 'node:fs';
import { makeOwnFile } from '../../base/files/own-file.ts';

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
      unlinkSync(this.#file);
      return true;
    } catch {
      return false;
    }
  }

  #size(): number {
    const facts = lstatSync(this.#file, { throwIfNoEntry: false });
    return facts?.isFile() ? facts.size : 0;
  }

  /**
   * Octets by chance, because some file systems store nothing for zeros. In a file made anew: to fill one that is there
   * would overwrite whatever a link leads to.
   */
  #fill(): void {
    const block = randomFillSync(Buffer.alloc(1024 * 1024));
    const file = makeOwnFile(this.#file);
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
