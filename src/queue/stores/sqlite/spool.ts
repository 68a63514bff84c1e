import { constants, createReadStream } from 'node:fs';
import { type FileHandle, open, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { crc32 } from 'node:zlib';
import { syncFolder } from '../../../base/files/sync-folder.ts';
import type { NewMessage, QueuedMessage } from '../../message.ts';
import type { Spool } from '../../store.ts';
import { writeFailure } from '../disk-full.ts';

/** Bodies up to this many octets stand in the database, larger ones in files. */
export const inlineBodyBytes = 64 * 1024;

/** A body and where it went: a buffer for the database, or a file that is already durable. */
export type SpooledBody = { readonly size: number; readonly crc: number } & (
  | { readonly content: Buffer }
  | { readonly file: string }
);

/** Puts a message with its body into the queue. */
export type InsertMessage = (id: string, message: NewMessage, body: SpooledBody) => Promise<QueuedMessage>;

/** Collects one message: small ones in memory, larger ones streamed to a file. */
export class FileSpool implements Spool {
  readonly id: string;
  readonly #folder: string;
  readonly #insert: InsertMessage;
  readonly #assertDisk: () => void;
  #chunks: Buffer[] = [];
  #file: FileHandle | undefined;
  #committed = false;
  #crc = 0;
  size = 0;

  /** @param assertDisk fails when the disk has no room for more */
  constructor(id: string, folder: string, insert: InsertMessage, assertDisk: () => void) {
    this.id = id;
    this.#folder = folder;
    this.#insert = insert;
    this.#assertDisk = assertDisk;
  }

  write(chunk: Buffer): Promise<void> | void {
    this.size += chunk.length;
    this.#crc = crc32(chunk, this.#crc);
    this.#chunks.push(chunk);
    if (this.size > inlineBodyBytes) return this.#spill();
  }

  open(): Readable {
    if (this.size <= inlineBodyBytes) return Readable.from(this.#chunks);
    return createReadStream(join(this.#folder, this.#name), { highWaterMark: 256 * 1024 });
  }

  async commit(message: NewMessage): Promise<QueuedMessage> {
    try {
      const body = { size: this.size, crc: this.#crc, ...(await this.#settle()) };
      const queued = await this.#insert(this.id, message, body);
      this.#committed = true;
      return queued;
    } catch (error) {
      throw writeFailure(error, this.#folder);
    }
  }

  async discard(): Promise<void> {
    this.#chunks = [];
    if (this.#committed || this.size <= inlineBodyBytes) return;
    await this.#file?.close().catch(() => {});
    await unlink(join(this.#folder, this.#name)).catch(() => {});
  }

  get #name(): string {
    return `${this.id}.eml`;
  }

  async #spill(): Promise<void> {
    const chunks = this.#chunks;
    this.#chunks = [];
    this.#assertDisk();
    try {
      this.#file ??= await open(
        join(this.#folder, this.#name),
        constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY,
        0o600,
      );
      await this.#file.appendFile(Buffer.concat(chunks));
    } catch (error) {
      throw writeFailure(error, this.#folder);
    }
  }

  async #settle(): Promise<{ readonly content: Buffer } | { readonly file: string }> {
    if (!this.#file)
      return { content: this.#chunks.length === 1 ? (this.#chunks[0] as Buffer) : Buffer.concat(this.#chunks) };
    // The file and its name must both be on disk before the row that speaks of them.
    await this.#file.sync();
    await this.#file.close();
    this.#file = undefined;
    syncFolder(this.#folder);
    return { file: this.#name };
  }
}
