import { constants, createReadStream } from 'node:fs';
import { type FileHandle, open, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { crc32 } from 'node:zlib';
import { syncFolderLater } from '../../../base/files/sync-folder.ts';
import type { NewMessage, QueuedMessage } from '../../message.ts';
import type { Spool } from '../../store.ts';
import { writeFailure } from '../disk-full.ts';
import { queuedMessage } from '../rows.ts';

/** Bodies up to this many octets are stored in the database, larger ones in files. */
export const inlineBodyBytes = 64 * 1024;

/** While a large body comes in, the disk is checked again after this many octets. */
const looksEveryBytes = 1024 * 1024;

/** A body and where it is: octets for the database, in memory of their own; or a file that is already durable. */
export type SpooledBody = { readonly size: number } & (
  | { readonly content: Uint8Array }
  | { readonly file: string; readonly crc: number }
);

/** What a spool needs from its queue. */
export interface SpoolPlace {
  readonly bodyFolder: string;
  /** Puts a message with its body into the queue. @returns the message, if it is not a new one */
  insert(id: string, message: NewMessage, body: SpooledBody): Promise<QueuedMessage | undefined>;
  /** Rejects when the disk has no room for more. */
  assertDisk(bytes: number): Promise<void>;
}

/** Collects one message: small ones in memory, larger ones streamed to a file. */
export class FileSpool implements Spool {
  readonly id: string;
  readonly #place: SpoolPlace;
  #chunks: Buffer[] = [];
  #file: FileHandle | undefined;
  #committed = false;
  #crc = 0;
  #lookAtBytes = 0;
  size = 0;

  constructor(id: string, place: SpoolPlace) {
    this.id = id;
    this.#place = place;
  }

  write(chunk: Buffer): Promise<void> | void {
    this.size += chunk.length;
    this.#chunks.push(chunk);
    if (this.size > inlineBodyBytes) return this.#spill();
  }

  open(): Readable {
    if (this.size <= inlineBodyBytes) return Readable.from(this.#chunks);
    return createReadStream(this.#path, { highWaterMark: 256 * 1024 });
  }

  async commit(message: NewMessage): Promise<QueuedMessage> {
    try {
      const body = { size: this.size, ...(await this.#settle()) };
      const known = await this.#place.insert(this.id, message, body);
      this.#committed = true;
      return known ?? queuedMessage(this.id, message, this.size);
    } catch (error) {
      throw writeFailure(error, this.#place.bodyFolder);
    }
  }

  async discard(): Promise<void> {
    this.#chunks = [];
    if (this.#committed || this.size <= inlineBodyBytes) return;
    await this.#file?.close().catch(() => {});
    await unlink(this.#path).catch(() => {});
  }

  get #name(): string {
    return `${this.id}.eml`;
  }

  get #path(): string {
    return join(this.#place.bodyFolder, this.#name);
  }

  async #spill(): Promise<void> {
    const chunks = this.#chunks;
    this.#chunks = [];
    if (this.size > this.#lookAtBytes) {
      this.#lookAtBytes = this.size + looksEveryBytes;
      await this.#place.assertDisk(looksEveryBytes);
    }
    try {
      this.#file ??= await open(this.#path, constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY, 0o600);
      for (const chunk of chunks) this.#crc = crc32(chunk, this.#crc);
      await this.#file.appendFile(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks));
    } catch (error) {
      throw writeFailure(error, this.#place.bodyFolder);
    }
  }

  async #settle(): Promise<
    { readonly content: Uint8Array<ArrayBuffer> } | { readonly file: string; readonly crc: number }
  > {
    if (!this.#file) return { content: whole(this.#chunks, this.size) };
    // The file and its name must both be on disk before the row that refers to them.
    await this.#file.sync();
    await this.#file.close();
    this.#file = undefined;
    await syncFolderLater(this.#place.bodyFolder);
    return { file: this.#name, crc: this.#crc };
  }
}

/** In memory of its own: the buffers behind the chunks may be much larger. */
function whole(chunks: readonly Buffer[], size: number): Uint8Array<ArrayBuffer> {
  const content = Buffer.allocUnsafeSlow(size);
  let at = 0;
  for (const chunk of chunks) {
    content.set(chunk, at);
    at += chunk.length;
  }
  return content;
}
