import { createHash, randomUUID } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { lstat, mkdir, readdir, rename, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { unlessAborted } from '../../../base/unless-aborted.ts';
import type { OctetRange } from '../../../mailbox/mail-store.ts';
import { isDiskFailure } from '../errors.ts';

/** Content that is completely on disk. */
export interface CachedContent {
  readonly size: number;
  open(range?: OctetRange): Readable;
}

/** Passes all of the content to `receive`, or throws; ends with the signal. */
type WriteContent = (receive: (body: Readable) => Promise<void>, signal: AbortSignal) => Promise<void>;

/** Content being fetched. */
interface Filling {
  readonly done: Promise<CachedContent>;
  readonly ending: AbortController;
  waiting: number;
}

/**
 * Message contents in a folder of files; the least recently used are removed first. A file being read is read to its
 * end even if it is removed meanwhile.
 */
export class DiskCache {
  readonly #folder: string;
  readonly #maxBytes: number;
  /** Sizes by file name, least recently used first. */
  readonly #files = new Map<string, number>();
  readonly #filling = new Map<string, Filling>();
  #bytes = 0;
  #ready: Promise<void> | undefined;

  /** @param maxBytes of all files together; the last file written stays, however large */
  constructor(folder: string, maxBytes: number) {
    this.#folder = folder;
    this.#maxBytes = maxBytes;
  }

  /** @returns undefined if it is not cached */
  async get(key: string): Promise<CachedContent | undefined> {
    this.#ready ??= this.#list();
    await this.#ready;
    const name = nameOf(key);
    const size = this.#files.get(name);
    if (size === undefined) return undefined;
    const file = join(this.#folder, name);
    // A file that was deleted or changed from outside is fetched again.
    const facts = await lstat(file).catch(() => undefined);
    if (facts?.isFile() !== true || facts.size !== size) {
      this.#forget(name);
      return undefined;
    }
    this.#files.delete(name);
    this.#files.set(name, size);
    await utimes(file, new Date(), new Date()).catch(() => {});
    return this.#contentOf(file, size);
  }

  /**
   * Fetches content unless it is cached. Concurrent requests for the same content share one fetch.
   * @param write passes all of it to `receive`, once or, each time from the beginning, several times; or throws
   * @param signal the caller has gone; the fetch ends when all callers have
   */
  async fill(key: string, write: WriteContent, signal?: AbortSignal): Promise<CachedContent> {
    const known = await this.get(key);
    if (known !== undefined) return known;
    const name = nameOf(key);
    signal?.throwIfAborted();
    const filling = this.#filling.get(name) ?? this.#begin(name, write);
    filling.waiting += 1;
    try {
      return await unlessAborted(filling.done, signal);
    } finally {
      filling.waiting -= 1;
      if (filling.waiting === 0) {
        if (this.#filling.get(name) === filling) this.#filling.delete(name);
        filling.ending.abort(signal?.reason);
      }
    }
  }

  #begin(name: string, write: WriteContent): Filling {
    const ending = new AbortController();
    const done = this.#fetch(name, (receive) => write(receive, ending.signal));
    // The waiting callers see the error; perhaps none are left.
    done.catch(() => {});
    const filling: Filling = { done, ending, waiting: 0 };
    this.#filling.set(name, filling);
    return filling;
  }

  async #fetch(
    name: string,
    write: (receive: (body: Readable) => Promise<void>) => Promise<void>,
  ): Promise<CachedContent> {
    const part = join(this.#folder, `${name}.${randomUUID()}${partial}`);
    let failure: unknown;
    try {
      // Each try writes the file from the beginning. A failure of the local disk is no reason to fetch again.
      await write(async (body) => {
        await pipeline(body, createWriteStream(part, { flags: 'w', mode: 0o600 })).catch((error: unknown) => {
          if (!isDiskFailure(error)) throw error;
          failure = error;
        });
      });
      if (failure !== undefined) throw failure;
      const { size } = await stat(part);
      const file = join(this.#folder, name);
      await rename(part, file);
      this.#forget(name);
      this.#files.set(name, size);
      this.#bytes += size;
      await this.#makeRoom(name);
      return this.#contentOf(file, size);
    } catch (error) {
      await rm(part, { force: true });
      throw error;
    }
  }

  #contentOf(file: string, size: number): CachedContent {
    return {
      size,
      open: ({ offset, length } = { offset: 0, length: size }) =>
        offset >= size || length === 0
          ? Readable.from([])
          : createReadStream(file, { start: offset, end: Math.min(size, offset + length) - 1 }),
    };
  }

  async #makeRoom(kept: string): Promise<void> {
    for (const name of this.#files.keys()) {
      if (this.#bytes <= this.#maxBytes) return;
      if (name === kept) continue;
      this.#forget(name);
      await rm(join(this.#folder, name), { force: true });
    }
  }

  #forget(name: string): void {
    this.#bytes -= this.#files.get(name) ?? 0;
    this.#files.delete(name);
  }

  async #list(): Promise<void> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    const found: { name: string; size: number; usedAtMs: number }[] = [];
    for (const name of await readdir(this.#folder)) {
      const file = join(this.#folder, name);
      if (name.endsWith(partial)) await rm(file, { force: true });
      else {
        const facts = await lstat(file).catch(() => undefined);
        if (facts?.isFile()) found.push({ name, size: facts.size, usedAtMs: facts.mtimeMs });
      }
    }
    found.sort((a, b) => a.usedAtMs - b.usedAtMs);
    for (const { name, size } of found) {
      this.#files.set(name, size);
      this.#bytes += size;
    }
    await this.#makeRoom('');
  }
}

const partial = '.part';

function nameOf(key: string): string {
  return createHash('sha256').update(key).digest('hex').slice(0, 40);
}
