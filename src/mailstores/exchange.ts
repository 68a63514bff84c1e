import { Readable } from 'node:stream';
import type { ImapFlow } from 'imapflow';
import { assertProtected, secureContextOf } from '../exchange/endpoint.ts';
import {
  type Maildrops,
  MailStoreError,
  type MailStoreErrorCode,
  type MessageContent,
  type MessageSummary,
  type OctetRange,
  type ReadableFolder,
} from '../mailbox/mail-store.ts';
import type { SizeMemory } from './size-memory.ts';

/** How the mailbox is reached over IMAP. */
export interface ExchangeStoreOptions {
  readonly host: string;
  readonly port: number;
  readonly security: 'tls' | 'starttls' | 'none';
  /** PEM certificates trusted besides those of the system. */
  readonly ca?: string;
  /** User principal name. */
  readonly mailbox: string;
  readonly accessToken: string;
  readonly connectTimeoutMs: number;
  readonly sizes: SizeMemory;
}

/** Octets fetched at a time: a message streams by in pieces of this size and is never held whole. */
const pieceBytes = 1024 * 1024;

/**
 * A mailbox of Exchange Online, read over IMAP.
 * @throws MailStoreError `not-permitted` where the login is refused, `unavailable` where the server cannot be reached
 */
export async function openExchangeStore(options: ExchangeStoreOptions): Promise<Maildrops> {
  assertProtected(options);
  // Loaded by those who need it: the library is large.
  const { ImapFlow } = await import('imapflow');
  const client = new ImapFlow({
    host: options.host,
    port: options.port,
    secure: options.security === 'tls',
    doSTARTTLS: options.security === 'starttls',
    tls: { secureContext: secureContextOf(options.ca) },
    auth: { user: options.mailbox, accessToken: options.accessToken },
    connectionTimeout: options.connectTimeoutMs,
    disableAutoIdle: true,
    disableCompression: true,
    logger: false,
  });
  // The commands under way fail by themselves; without a listener the error would end the process.
  client.on('error', () => {});
  await client.connect().catch((error: unknown) => Promise.reject(storeError(error)));
  return {
    async open(name) {
      const box = await client.mailboxOpen(name).catch((error: unknown) => Promise.reject(storeError(error)));
      return new ExchangeFolder(client, options, name, Number(box.uidValidity), box.exists);
    },
    close: () => client.logout().catch(() => client.close()),
  };
}

class ExchangeFolder implements ReadableFolder {
  readonly name: string;
  readonly uidValidity: number;
  readonly #client: ImapFlow;
  readonly #options: ExchangeStoreOptions;
  readonly #exists: number;

  constructor(client: ImapFlow, options: ExchangeStoreOptions, name: string, uidValidity: number, exists: number) {
    this.#client = client;
    this.#options = options;
    this.name = name;
    this.uidValidity = uidValidity;
    this.#exists = exists;
  }

  async *list(): AsyncIterable<MessageSummary> {
    if (this.#exists === 0) return;
    const query = { uid: true, size: true, flags: true, internalDate: true } as const;
    const summaries: MessageSummary[] = [];
    try {
      for await (const message of this.#client.fetch('1:*', query)) {
        summaries.push({
          uid: message.uid,
          flags: [...(message.flags ?? [])],
          internalDate: new Date(message.internalDate ?? 0),
          size: this.#options.sizes.get(this.#key(message.uid)) ?? message.size ?? 0,
        });
      }
    } catch (error) {
      throw storeError(error);
    }
    yield* summaries.sort((a, b) => a.uid - b.uid);
  }

  async content(uid: number, range?: OctetRange): Promise<MessageContent> {
    const from = range?.offset ?? 0;
    const first = await this.#piece(uid, from, Math.min(pieceBytes, range?.length ?? pieceBytes));
    const size = range ? undefined : this.#options.sizes.get(this.#key(uid));
    return { size, stream: Readable.from(this.#pieces(uid, first, from, range?.length)) };
  }

  async remove(uids: readonly number[]): Promise<readonly number[]> {
    try {
      const done = await this.#client.messageDelete(uids.join(','), { uid: true });
      if (!done) return [];
      const left = await this.#client.search({ uid: uids.join(',') }, { uid: true });
      return uids.filter((uid) => !(left || []).includes(uid));
    } catch (error) {
      throw storeError(error);
    }
  }

  async close(): Promise<void> {
    // A CLOSE would expunge what other programs have marked; leaving the folder is the logout's matter.
  }

  /** The rest of a message, each piece fetched while the one before it is on its way out. */
  async *#pieces(uid: number, first: Buffer, from: number, length = Number.POSITIVE_INFINITY): AsyncGenerator<Buffer> {
    let piece = first;
    let done = 0;
    for (;;) {
      done += piece.length;
      const whole = piece.length < pieceBytes || done >= length;
      const next = whole ? undefined : this.#piece(uid, from + done, Math.min(pieceBytes, length - done));
      next?.catch(() => {});
      if (piece.length > 0) yield piece;
      if (!next) break;
      piece = await next;
    }
    // Exchange only estimates sizes unless it is told otherwise; now the true one is known.
    if (from === 0 && length === Number.POSITIVE_INFINITY) this.#options.sizes.set(this.#key(uid), done);
  }

  async #piece(uid: number, start: number, maxLength: number): Promise<Buffer> {
    const message = await this.#client
      .fetchOne(`${uid}`, { uid: true, source: { start, maxLength } }, { uid: true })
      .catch((error: unknown) => Promise.reject(storeError(error)));
    if (!message) throw new MailStoreError('no-such-message', 'The message is not there any more.');
    return message.source ?? Buffer.alloc(0);
  }

  #key(uid: number): string {
    return `${this.#options.mailbox.toLowerCase()} ${this.uidValidity} ${uid}`;
  }
}

interface ImapFlowError {
  readonly authenticationFailed?: boolean;
  readonly responseStatus?: string;
  readonly responseText?: string;
  readonly code?: string;
  readonly message?: string;
}

/** What a failure of the IMAP library means for the reader. */
function storeError(error: unknown): MailStoreError {
  if (error instanceof MailStoreError) return error;
  const { authenticationFailed, responseText, code, message } = error as ImapFlowError;
  const text = responseText ?? message ?? 'unknown failure';
  const is = (kind: MailStoreErrorCode) => new MailStoreError(kind, `Exchange Online: ${text}`, { cause: error });
  if (authenticationFailed) return is('not-permitted');
  if (/authenticated but not connected/i.test(text)) return is('not-connected');
  if (code === 'ETHROTTLE' || /throttled|too many/i.test(text)) return is('in-use');
  return is('unavailable');
}
