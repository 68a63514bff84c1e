import type { Readable } from 'node:stream';
import { HeaderScanner } from '../../../message/header/scanner.ts';
import { isGone } from '../errors.ts';
import type { MailboxIndex } from '../index/mailbox-index.ts';
import type { RemoteMail } from '../remote/mail.ts';
import type { RequestOptions } from '../remote/requests.ts';
import type { CachedContent, DiskCache } from './disk-cache.ts';

/** Identifies a state of a message. */
export interface ContentKey {
  readonly id: string;
  /** Set for a draft, whose content can change; empty for all others, whose content never does. */
  readonly draftState: string;
}

/** Headers requested at once. */
const headersAtOnce = 60;

/** Message contents: the MIME form, through a disk cache, and headers. */
export class MessageContents {
  readonly #mail: RemoteMail;
  readonly #index: MailboxIndex;
  readonly #cache: DiskCache;

  constructor(mail: RemoteMail, index: MailboxIndex, cache: DiskCache) {
    this.#mail = mail;
    this.#index = index;
    this.#cache = cache;
  }

  /** @returns undefined if the message is gone */
  async whole(key: ContentKey, options: RequestOptions = {}): Promise<CachedContent | undefined> {
    try {
      return await this.#cache.fill(
        cacheKey(key),
        (receive, signal) => this.#mail.download(key.id, receive, { ...options, signal }),
        options.signal,
      );
    } catch (error) {
      if (isGone(error)) return undefined;
      throw error;
    }
  }

  /** Header blocks of messages, in order; messages that are gone are left out. */
  async *headers<Key extends ContentKey>(
    keys: readonly Key[],
    options: RequestOptions = {},
  ): AsyncGenerator<{ readonly key: Key; readonly header: Buffer }> {
    for (let start = 0; start < keys.length; start += headersAtOnce) {
      const some = keys.slice(start, start + headersAtOnce);
      const headers = await this.#headersOf(some, options);
      for (const key of some) {
        const header = headers.get(key.id) ?? (await this.#headerOfWhole(key, options));
        if (header !== undefined && header !== 'gone') yield { key, header };
      }
    }
  }

  /**
   * The headers that messages arrived with, in order; messages that are gone are left out. Undefined if there is none.
   */
  async *keptHeaders<Key extends ContentKey>(
    keys: readonly Key[],
    options: RequestOptions = {},
  ): AsyncGenerator<{ readonly key: Key; readonly header: Buffer | undefined }> {
    for (let start = 0; start < keys.length; start += headersAtOnce) {
      const some = keys.slice(start, start + headersAtOnce);
      const headers = await this.#headersOf(some, options);
      for (const key of some) {
        const header = headers.get(key.id);
        if (header !== 'gone') yield { key, header };
      }
    }
  }

  async #headersOf(keys: readonly ContentKey[], options: RequestOptions): Promise<Map<string, Buffer | 'gone'>> {
    const found = new Map<string, Buffer | 'gone'>();
    const asked: ContentKey[] = [];
    for (const key of keys) {
      const known = this.#index.messages.header(key.id, key.draftState);
      if (known !== undefined) found.set(key.id, known);
      // Exchange has no original header for a draft.
      else if (key.draftState === '') asked.push(key);
    }
    if (asked.length === 0) return found;
    const told = await this.#mail.headers(
      asked.map(({ id }) => id),
      options,
    );
    this.#index.db.transaction(() => {
      for (const [at, { id, draftState }] of asked.entries()) {
        const text = told[at];
        if (text === 'gone') found.set(id, 'gone');
        else if (text !== undefined) found.set(id, this.#keep(id, draftState, blockOf(text)));
      }
    });
    return found;
  }

  async #headerOfWhole(key: ContentKey, options: RequestOptions): Promise<Buffer | undefined> {
    const content = await this.whole(key, options);
    return content && this.#keep(key.id, key.draftState, await headerAtStart(content.open()));
  }

  #keep(id: string, draftState: string, header: Buffer): Buffer {
    this.#index.messages.putHeader(id, draftState, header);
    return header;
  }
}

function cacheKey({ id, draftState }: ContentKey): string {
  return draftState === '' ? id : `${id} ${draftState}`;
}

/** A header as Exchange keeps it, with CRLF line ends and the terminating empty line. */
function blockOf(text: string): Buffer {
  const lines = text.replace(/\r?\n/g, '\r\n').replace(/(?:\r\n)+$/, '');
  return Buffer.from(lines === '' ? '\r\n' : `${lines}\r\n\r\n`);
}

const maxHeaderBytes = 1024 * 1024;

async function headerAtStart(stream: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of stream) {
    chunks.push(chunk as Buffer);
    length += (chunk as Buffer).length;
    const octets = Buffer.concat(chunks);
    const scanner = new HeaderScanner();
    scanner.scan(octets, false);
    if (scanner.bodyStart !== undefined) {
      stream.destroy();
      return octets.subarray(0, scanner.bodyStart);
    }
    if (length > maxHeaderBytes) break;
  }
  stream.destroy();
  return Buffer.concat([...chunks, Buffer.from('\r\n\r\n')]);
}
