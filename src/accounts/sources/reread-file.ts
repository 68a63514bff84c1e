import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import type { Clock } from '../../base/clock.ts';
import { errorText, systemErrorCode } from '../../base/errors.ts';

/** The parsed content of a file. */
export interface FileReading<T> {
  readonly value: T;
  /** The file seems to be still being written. */
  readonly isUnfinished: boolean;
}

export interface RereadFileOptions<T> {
  readonly file: string;
  readonly clock: Clock;
  readonly maxBytes: number;
  /** Additional flags to open it with. */
  readonly flags?: number;
  /** The value for a missing file; without it, a missing file is a fault. */
  readonly absent?: T;
  /**
   * Parses the content.
   * @param mode bits of the file
   * @throws Error why the file cannot be used, worded to follow its name: `is …`
   */
  parse(content: Buffer, facts: { readonly mode: number; readonly uid: number }): FileReading<T>;
  /** Called once for each fault, and at its end. */
  onFault(fault: string | undefined): void;
  /** Called with each content that takes effect. */
  onTaken?(value: T): void;
}

const checkEveryMs = 1_000;
/** Nobody pauses this long while writing a small file. */
const settledMs = 2_000;

/**
 * A small file that others change while it is in use. A check for changes happens on use, at most once a second. If the
 * file cannot be used, or is incomplete, the last content read stays in force.
 */
export class RereadFile<T> {
  readonly #options: RereadFileOptions<T>;
  #value: T | undefined;
  /** Stamp of the file last read. */
  #stamp: string | undefined;
  /** Digest of its content. */
  #digest: string | undefined;
  #checkedMs = Number.NEGATIVE_INFINITY;
  #checking: Promise<void> | undefined;
  #fault: string | undefined;

  constructor(options: RereadFileOptions<T>) {
    this.#options = options;
  }

  /** The current value; undefined if nothing could be read yet. Never rejects. */
  async current(): Promise<T | undefined> {
    const now = this.#options.clock.now();
    // If the clock was set back, there is no waiting for it.
    if (now - this.#checkedMs >= checkEveryMs || now < this.#checkedMs) {
      this.#checkedMs = now;
      this.#checking ??= this.#check().finally(() => {
        this.#checking = undefined;
      });
    }
    await this.#checking;
    return this.#value;
  }

  /** Why the file cannot be used now, worded to follow its name. */
  get fault(): string | undefined {
    return this.#fault;
  }

  async #check(): Promise<void> {
    try {
      await this.#look();
      this.#setFault(undefined);
    } catch (error) {
      const code = systemErrorCode(error);
      this.#setFault(code === undefined ? errorText(error) : faultText(code));
    }
  }

  async #look(): Promise<void> {
    const { file, absent, maxBytes, parse, flags = 0 } = this.#options;
    const handle = await open(file, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0) | flags).catch(
      (error: unknown) => {
        if (absent !== undefined && systemErrorCode(error) === 'ENOENT') return undefined;
        throw error;
      },
    );
    if (handle === undefined) {
      this.#take(absent as T, 'absent');
      return;
    }
    try {
      const facts = await handle.stat({ bigint: true });
      const stamp = [facts.dev, facts.ino, facts.size, facts.mtimeNs, facts.ctimeNs, facts.mode].join(' ');
      if (stamp === this.#stamp) return;
      if (!facts.isFile()) throw new Error('is not a regular file');
      if (facts.size > maxBytes) throw new Error(`is larger than ${maxBytes} bytes`);
      const size = Number(facts.size);
      const content = await contentOf(handle, size);
      const { value, isUnfinished } = parse(content, { mode: Number(facts.mode), uid: Number(facts.uid) });
      const isFresh = Math.abs(this.#options.clock.now() - Number(facts.mtimeMs)) < settledMs;
      const isWhole = content.length === size && !isUnfinished;
      if (!isWhole && isFresh && this.#value !== undefined) return;
      this.#take(value, createHash('sha256').update(content).digest('base64'));
      // If written again within the same tick of the file system's clock, it would look unchanged, so it is read once
      // more.
      this.#stamp = isFresh ? undefined : stamp;
    } finally {
      await handle.close();
    }
  }

  #take(value: T, digest: string): void {
    if (digest === this.#digest) return;
    this.#digest = digest;
    this.#stamp = undefined;
    this.#value = value;
    this.#options.onTaken?.(value);
  }

  #setFault(fault: string | undefined): void {
    if (fault === this.#fault) return;
    this.#fault = fault;
    this.#options.onFault(fault);
  }
}

/** Reads the content, and one more byte if the file has grown meanwhile. */
async function contentOf(handle: FileHandle, size: number): Promise<Buffer> {
  const buffer = Buffer.alloc(size + 1);
  let length = 0;
  while (length < buffer.length) {
    const { bytesRead } = await handle.read(buffer, length, buffer.length - length);
    if (bytesRead === 0) break;
    length += bytesRead;
  }
  return buffer.subarray(0, length);
}

function faultText(code: string): string {
  return code === 'ENOENT' ? 'does not exist' : `cannot be read (${code})`;
}
