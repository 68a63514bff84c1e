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

/** How to reach the mailbox over IMAP. */
export interface ExchangeStoreOptions {
  readonly host: string;
  readonly port: number;
  readonly security: 'tls' | 'starttls' | 'none';
  /** PEM certificates trusted in addition to the system's. */
  readonly ca?: string;
  /** User principal name. */
  readonly mailbox: string;
  readonly accessToken: string;
  readonly connectTimeoutMs: number;
  readonly sizes: LRUCache<string, number>;
  /** Aborted when the client has left: whatever it waits for fails at once, and the connection ends. */
  readonly gone?: AbortSignal;
}

/** Bytes fetched at a time: a message streams through in pieces of this size and is never held whole. */
const pieceBytes = 1024 * 1024;

/** A POP3 client may be silent for 10 minutes (RFC 1939 section 3); the library would hang up after five. */
const silenceTimeoutMs = 11 * 60_000;

/** Message numbers in one command: Exchange Online limits the length of a line. */
const maxRangesAtOnce = 250;

/**
 * Opens a mailbox of Exchange Online over IMAP.
 * @throws BridgeError like a login that is passed through
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

  /** @throws MailStoreError if the server did not report the names and numbers of its messages */
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
    // Only two numbers are kept per message; answers usually, but not always, arrive in order.
    const sizes = new Map<number, number>();
    let last = 0;
    let inOrder = true;
    try {
      for await (const message of this.#client.fetch('1:*', { uid: true, size: true })) {
        const { uid, size }: Partial<FetchMessageObject> = message;
        // The server may report flags in between, without UID or size.
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
    // Without UIDPLUS, EXPUNGE would also remove messages other programs have marked.
    if (!this.#client.capabilities.has('UIDPLUS')) {
      throw new MailStoreError('not-permitted', 'The server cannot remove single messages (UIDPLUS).');
    }
    return this.#connection
      .finish(() => this.#remove(uids))
      .catch((error: unknown) => Promise.reject(this.#failure(error)));
  }

  async close(): Promise<void> {
    // CLOSE would expunge messages other programs have marked; logout leaves the folder.
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

  /** Yields the rest of a message, fetching each piece while the previous one is being sent. */
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
    // Exchange only estimates sizes unless configured otherwise; the exact one is known now.
    if (from === 0 && length === Number.POSITIVE_INFINITY) this.#options.sizes.set(this.#key(uid), done);
  }

  /**
   * @returns nothing at the end of the message
   * @throws MailStoreError `no-such-message`, so that half a message never passes for all of it
   */
  async #piece(uid: number, start: number, maxLength: number): Promise<Buffer> {
    const source = (await this.#fetch(uid, { source: { start, maxLength } }))?.source;
    const length = octetsIn(source);
    if (length > maxLength) throw this.#failure(new Error('The server sends more of a message than it was asked for.'));
    if (length > 0) return source as Buffer;
    if (!(await this.#isThere(uid))) throw new MailStoreError('no-such-message', 'The message no longer exists.');
    return Buffer.alloc(0);
  }

  /** Servers answer nothing, or NIL, both past the end of a message and for one that has been removed. */
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

/** The library returns false for NIL. */
function octetsIn(source: Buffer | false | undefined): number {
  return Buffer.isBuffer(source) ? source.length : 0;
}

/**
 * Turns UIDs into sets for commands, with runs as ranges.
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
