import { join } from 'node:path';
import type { Clock } from '../base/clock.ts';
import { appendToOwnFile, readOwnFile, replaceOwnFile } from '../base/files/own-file.ts';

/** What came again and was dropped as a duplicate of one message. Times in milliseconds since 1970. */
export interface Drops {
  readonly count: number;
  readonly firstAtMs: number;
  readonly lastAtMs: number;
}

/** Lines that the file may have before it is written anew. */
const fewestLines = 10_000;

/** The file in the folder of a queue. */
export function dropsFile(queueFolder: string): string {
  return join(queueFolder, 'dropped');
}

/**
 * Keeps account of dropped duplicates by the id of the message that was kept, in a file that other processes can read.
 * Only a drop costs anything: a line in the file, which is not synced.
 */
export class DuplicateDrops {
  readonly #file: string;
  readonly #clock: Clock;
  readonly #isKept: (id: string) => boolean;
  readonly #drops: Map<string, Drops>;
  #lines: number;
  #rewriteAt = fewestLines;

  /**
   * @param isKept whether there still is a message with that id
   * @throws Error of the file system, but not for a file that is not there yet
   */
  constructor(file: string, clock: Clock, isKept: (id: string) => boolean) {
    this.#file = file;
    this.#clock = clock;
    this.#isKept = isKept;
    this.#drops = readDrops(file);
    this.#lines = this.#drops.size;
  }

  /** One more duplicate of a message was dropped, now. */
  note(id: string): void {
    const lastAtMs = this.#clock.now();
    const { count, firstAtMs } = this.#drops.get(id) ?? { count: 0, firstAtMs: lastAtMs };
    const drops = { count: count + 1, firstAtMs, lastAtMs };
    this.#drops.set(id, drops);
    try {
      if (++this.#lines > this.#rewriteAt) this.#rewrite();
      else appendToOwnFile(this.#file, lineOf(id, drops));
    } catch {
      // The disk is full, and others say so. The log has it as well.
    }
  }

  #rewrite(): void {
    for (const id of this.#drops.keys()) if (!this.#isKept(id)) this.#drops.delete(id);
    replaceOwnFile(this.#file, [...this.#drops].map(([id, drops]) => lineOf(id, drops)).join(''));
    this.#lines = this.#drops.size;
    this.#rewriteAt = Math.max(fewestLines, 2 * this.#lines);
  }
}

/**
 * What a file tells: the last line of a message counts.
 * @throws Error of the file system, but not for a file that is not there
 */
export function readDrops(file: string): Map<string, Drops> {
  const drops = new Map<string, Drops>();
  for (const line of (readOwnFile(file)?.toString('latin1') ?? '').split('\n')) {
    const [, id, ...numbers] = /^(\w+) (\d+) (\d+) (\d+);$/.exec(line) ?? [];
    const [count = 0, firstAtMs = 0, lastAtMs = 0] = numbers.map(Number);
    if (id !== undefined) drops.set(id, { count, firstAtMs, lastAtMs });
  }
  return drops;
}

/** What ends it tells a whole line from one that was cut off. */
function lineOf(id: string, { count, firstAtMs, lastAtMs }: Drops): string {
  return `${id} ${count} ${firstAtMs} ${lastAtMs};\n`;
}
