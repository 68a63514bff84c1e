import { Readable } from 'node:stream';
import type { FetchMessageObject, FetchQueryObject, MailboxObject } from 'imapflow';
import type { LRUCache } from 'lru-cache';
import { assertProtected } from '../../exchange/endpoint.ts';
import { assertUsable, fetchMessage, loginByImap } from '../../exchange/reading/imap-client.ts';
import {
  type ListedMessage,
  type Maildrops,
  MailStoreError,
  type MessageContent,
  type OctetRange,
  type ReadableFolder,
} from '../../mailbox/mail-store.ts';
import { ExchangeConnection } from './connection.ts';
import { loginError, storeError } from './errors.ts';

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
  readonly sizes: LRUCache<string, number>;
  /** The client has left: what it waits for fails at once, and the connection ends. */
  readonly gone?: AbortSignal;
}

/** Octets fetched at a time: a message streams by in pieces of this size and is never held whole. */
const pieceBytes = 1024 * 1024;

/** A POP3 client may be silent for 10 minutes (RFC 1939 section 3); the library would hang up after five. */
const silenceTimeoutMs = 11 * 60_000;

/** Message numbers in one command: Exchange Online takes no endless lines. */
const maxRangesAtOnce = 250;

/**
 * A mailbox of Exchange Online, read over IMAP.
 * @throws BridgeError as a login that is passed through does
 */
export async function openExchangeStore(options: ExchangeStoreOptions): Promise<Maildrops> {
  const { ca: extraCa, mailbox, accessToken, connectTimeoutMs, gone } = options;
  const login = {
    ...{ endpoint: options, extraCa, mailbox, accessToken, connectTimeoutMs, silenceTimeoutMs },
    signal: gone,
  };
  assertProtected(options);
  const client = await loginByImap(login).catch((error: unknown) => Promise.reject(loginError(error, options)));
  const connection = new ExchangeConnection(client, gone);
  return {
    async open(name) {
      const box = await client.mailboxOpen(name).catch((error: unknown) => Promise.reject(storeError(error, options)));
      return new ExchangeFolder(connection, options, name, box);
    },
    close: () => connection.close(),
  };
}

class ExchangeFolder implements ReadableFolder {
  readonly name: string;
  readonly uidValidity: number;
  readonly #connection: ExchangeConnection;
  readonly #options: ExchangeStoreOptions;
  readonly #exists: number;

  /** @throws MailStoreError if the server did not tell what names and numbers its messages have */
  constructor(
    connection: ExchangeConnection,
    options: ExchangeStoreOptions,
    name: string,
    box: Partial<MailboxObject>,
  ) {
    const { uidValidity, exists } = box;
    if (uidValidity === undefined || exists === undefined) {
      const said = new Error('The answer to SELECT has no EXISTS or no UIDVALIDITY.');
      throw storeError(said, options);
    }
    this.#connection = connection;
    this.#options = options;
    this.name = name;
    this.uidValidity = Number(uidValidity);
    this.#exists = exists;
  }

  async *list(): AsyncIterable<ListedMessage> {
    if (this.#exists === 0) return;
    // Two numbers a message are all that is kept; answers usually come in order, but they need not.
    const sizes = new Map<number, number>();
    let last = 0;
    let inOrder = true;
    try {
      for await (const message of this.#client.fetch('1:*', { uid: true, size: true })) {
        const { uid, size }: Partial<FetchMessageObject> = message;
        // A server may tell of flags meanwhile, without UID or size.
        if (uid === undefined || (size === undefined && sizes.has(uid))) continue;
        inOrder &&= uid >= last;
        last = uid;
        sizes.set(uid, size ?? 0);
      }
      assertUsable(this.#client);
    } catch (error) {
      throw this.#failure(error);
    }
    const uids = inOrder ? sizes.keys() : [...sizes.keys()].sort((a, b) => a - b);
    for (const uid of uids) yield { uid, size: this.#options.sizes.get(this.#key(uid)) ?? sizes.get(uid) ?? 0 };
  }

  async content(uid: number, range?: OctetRange): Promise<MessageContent> {
    const from = range?.offset ?? 0;
    const first = await this.#piece(uid, from, Math.min(pieceBytes, range?.length ?? pieceBytes));
    const size = range ? undefined : this.#options.sizes.get(this.#key(uid));
    return { size, stream: Readable.from(this.#pieces(uid, first, from, range?.length)) };
  }

  async remove(uids: readonly number[]): Promise<readonly number[]> {
    // Without it an EXPUNGE takes along whatever other programs have marked.
    if (!this.#client.capabilities.has('UIDPLUS')) {
      throw new MailStoreError('not-permitted', 'The server cannot remove single messages (UIDPLUS).');
    }
    return this.#connection
      .finish(() => this.#remove(uids))
      .catch((error: unknown) => Promise.reject(this.#failure(error)));
  }

  async close(): Promise<void> {
    // A CLOSE would expunge what other programs have marked; leaving the folder is the logout's matter.
  }

  get #client() {
    return this.#connection.client;
  }

  async #remove(uids: readonly number[]): Promise<readonly number[]> {
    const removed: number[] = [];
    for (const { set, members } of uidSets(uids, maxRangesAtOnce)) {
      await this.#client.messageDelete(set, { uid: true });
      const found = await this.#client.search({ uid: set }, { uid: true });
      assertUsable(this.#client);
      if (!found)
        throw new MailStoreError('unavailable', 'The search for deleted messages failed; nothing was expunged.');
      const left = new Set(found);
      removed.push(...members.filter((uid) => !left.has(uid)));
    }
    return removed;
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

  /** @returns nothing where the message has ended @throws MailStoreError `no-such-message`, never half of it as all */
  async #piece(uid: number, start: number, maxLength: number): Promise<Buffer> {
    const source = (await this.#fetch(uid, { source: { start, maxLength } }))?.source;
    const length = octetsIn(source);
    if (length > maxLength) throw this.#failure(new Error('The server sends more of a message than it was asked for.'));
    if (length > 0) return source as Buffer;
    if (!(await this.#isThere(uid))) throw new MailStoreError('no-such-message', 'The message no longer exists.');
    return Buffer.alloc(0);
  }

  /** Nothing, or NIL, is what a server says behind the end of a message, and of one that somebody has removed. */
  async #isThere(uid: number): Promise<boolean> {
    const first = await this.#fetch(uid, { size: true, source: { start: 0, maxLength: 1 } });
    return octetsIn(first?.source) > 0 || first?.size === 0;
  }

  #fetch(uid: number, query: FetchQueryObject): Promise<FetchMessageObject | undefined> {
    return fetchMessage(this.#client, uid, 'source', query).catch((error: unknown) =>
      Promise.reject(this.#failure(error)),
    );
  }

  #failure(error: unknown): MailStoreError {
    return storeError(error, this.#options);
  }

  #key(uid: number): string {
    return `${this.#options.mailbox.toLowerCase()} ${this.uidValidity} ${uid}`;
  }
}

/** For NIL the library gives false. */
function octetsIn(source: Buffer | false | undefined): number {
  return Buffer.isBuffer(source) ? source.length : 0;
}

/**
 * UIDs as sets for commands, runs as ranges.
 * @param uids ascending
 * @param maxRanges in one set
 */
export function* uidSets(
  uids: readonly number[],
  maxRanges: number,
): Generator<{ readonly set: string; readonly members: readonly number[] }> {
  let ranges: string[] = [];
  let from = 0;
  for (let start = 0; start < uids.length; ) {
    let end = start;
    while (uids[end + 1] === (uids[end] as number) + 1) end++;
    ranges.push(start === end ? `${uids[start]}` : `${uids[start]}:${uids[end]}`);
    start = end + 1;
    if (ranges.length < maxRanges && start < uids.length) continue;
    yield { set: ranges.join(','), members: uids.slice(from, start) };
    ranges = [];
    from = start;
  }
}
