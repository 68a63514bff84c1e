import { createHash, randomUUID } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { AppendedMessage, AppendedMessages } from '../../../mailbox/mail-store.ts';
import { isDiskFailure, storeError } from '../errors.ts';

/** A message to store, on the local disk. */
export interface SpooledMessage extends Pick<AppendedMessage, 'flags'> {
  /** Opens the message's bytes; can be called as often as needed. */
  readonly open: () => Readable;
  readonly size: number;
  readonly isDraft: boolean;
  readonly isRead: boolean;
  /** Time of receipt, milliseconds since 1970. */
  readonly receivedMs: number;
  /** SHA-256 of its bytes. */
  readonly digest: string;
}

/** Messages waiting for the last one of their command, each in a file. */
export class AppendSpool {
  readonly messages: SpooledMessage[] = [];
  readonly #folder: string;
  readonly #files: string[] = [];

  /** @param folder exists and is private */
  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Takes in all messages. @throws what `messages` throws; MailStoreError if the local disk fails */
  async takeIn(messages: AppendedMessages, mailbox: string): Promise<void> {
    for await (const message of messages) {
      try {
        this.messages.push(await this.#written(message));
      } catch (error) {
        throw isDiskFailure(error) ? storeError(error, mailbox) : error;
      } finally {
        message.content.destroy();
      }
    }
  }

  /** Removes the files. */
  async remove(): Promise<void> {
    await Promise.all(this.#files.map((file) => rm(file, { force: true })));
  }

  async #written({ content, flags, internalDate }: AppendedMessage): Promise<SpooledMessage> {
    const file = join(this.#folder, randomUUID());
    this.#files.push(file);
    const digest = createHash('sha256');
    let size = 0;
    const counted = async function* (octets: AsyncIterable<Buffer>) {
      for await (const chunk of octets) {
        digest.update(chunk);
        size += chunk.length;
        yield chunk;
      }
    };
    await pipeline(content, counted, createWriteStream(file, { flags: 'wx', mode: 0o600 }));
    const has = (name: string) => flags.some((flag) => flag.toLowerCase() === name);
    return {
      ...{ flags, size, open: () => createReadStream(file), digest: digest.digest('hex') },
      ...{ isDraft: has('\\draft'), isRead: has('\\seen'), receivedMs: (internalDate ?? new Date()).getTime() },
    };
  }
}
