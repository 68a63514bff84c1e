import { closeSync, constants, createReadStream, fsyncSync, openSync } from 'node:fs';
import { type FileHandle, open, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import type { NewMessage, QueuedMessage } from '../message.ts';
import type { Spool } from '../store.ts';

/** Bodies up to this many octets stand in the database, larger ones in files. */
export const inlineBodyBytes = 64 * 1024;

/** Where a body went: a buffer for the database, or a file that is already durable. */
export type SpooledBody = { readonly content: Buffer } | { readonly file: string };

/** Collects one message: small ones in memory, larger ones streamed to a file. */
export class FileSpool implements Spool {
  readonly id: string;
  readonly #folder: string;
  readonly #insert: (id: string, message: NewMessage, size: number, body: SpooledBody) => Promise<QueuedMessage>;
  #chunks: Buffer[] = [];
  #file: FileHandle | undefined;
  #committed = false;
  size = 0;

  constructor(
    id: string,
    folder: string,
    insert: (id: string, message: NewMessage, size: number, body: SpooledBody) => Promise<QueuedMessage>,
  ) {
    this.id = id;
    this.#folder = folder;
    this.#insert = insert;
  }

  write(chunk: Buffer): Promise<void> | void {
    this.size += chunk.length;
    this.#chunks.push(chunk);
    if (this.size > inlineBodyBytes) return this.#spill();
  }

  open(): Readable {
    if (this.size <= inlineBodyBytes) return Readable.from(this.#chunks);
    return createReadStream(join(this.#folder, this.#name), { highWaterMark: 256 * 1024 });
  }

  async commit(message: NewMessage): Promise<QueuedMessage> {
    const body = await this.#settle();
    const queued = await this.#insert(this.id, message, this.size, body);
    this.#committed = true;
    return queued;
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
    this.#file ??= await open(
      join(this.#folder, this.#name),
      constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY,
      0o600,
    );
    await this.#file.appendFile(Buffer.concat(chunks));
  }

  async #settle(): Promise<SpooledBody> {
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

/** Flushes a folder's list of names. Windows keeps it durable by itself and cannot open folders. */
export function syncFolder(folder: string): void {
  if (process.platform === 'win32') return;
  const handle = openSync(folder, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
