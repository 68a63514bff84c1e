import { randomFillSync } from 'node:crypto';
import { closeSync, fsyncSync, lstatSync, unlinkSync, writeSync } from 'node:fs';
import { makeOwnFile } from '../../base/files/own-file.ts';

/**
 * What SQLite's WAL grows to before it starts over (1000 pages of 8 kB), twice: enough to write the outcomes of any
 * number of deliveries.
 */
export const reserveOctets = 16 * 1024 * 1024;

/**
 * Disk space reserved by a file without meaning, and released when the disk is full: outcomes of deliveries can then
 * still be recorded, so that nothing is sent twice.
 */
export class Reserve {
  readonly #file: string;
  readonly #octets: number;

  constructor(file: string, octets = reserveOctets) {
    this.#file = file;
    this.#octets = octets;
  }

  /** Reserves the space, unless it is reserved. @returns whether there was enough of it */
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

  /** Releases the space. @returns whether there was any */
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
   * Random octets, because some file systems store nothing for zeros. Always in a new file: filling an existing one
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
