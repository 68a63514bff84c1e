import { setTimeout } from 'node:timers/promises';
import { LRUCache } from 'lru-cache';
import { BridgeError } from '../base/errors.ts';
import type { Presence } from '../base/sockets/presence.ts';
import { unlessAborted } from '../base/unless-aborted.ts';
import type { ExchangeEndpoint } from '../exchange/endpoint.ts';
import { type Maildrops, MailStoreError } from '../mailbox/mail-store.ts';
import { openExchangeStore } from '../mailstores/exchange/store.ts';

/** As much of a connection as reading takes. */
export interface ReadingUpstream {
  readonly endpoints: { readonly imap: ExchangeEndpoint };
  /** PEM certificates trusted besides those of the system. */
  readonly ca: string | undefined;
  /** @param refused a token that Exchange Online did not take */
  getToken(resource: 'exchange', refused?: string): Promise<string>;
}

const connectTimeoutMs = 20_000;

/** How long whoever makes room may take for it. */
const makingRoomMs = 5_000;

/** Whether somebody is there to read; a {@link Presence} is. */
export type Reader = Pick<Presence, 'gone' | 'giveWay'>;

/** The session that has a mailbox open. */
interface Holder {
  readonly reader: Reader;
  /** Resolves when the mailbox is free again. */
  readonly left: Promise<void>;
}

/** POP3 maildrops that are read over IMAP: one session at a time for each mailbox (RFC 1939 section 4). */
export class TranslatedMaildrops {
  readonly #locked = new Map<string, Holder>();
  /** The true sizes of messages whose server only estimates them. */
  readonly #sizes = new LRUCache<string, number>({ max: 50_000 });

  /**
   * Opens a maildrop, which ends when its reader has gone. A reader that seems to have left makes room for this one.
   * @throws MailStoreError `in-use`; BridgeError where no token is to be had or the login fails
   */
  async open(upstream: ReadingUpstream, mailbox: string, reader: Reader): Promise<Maildrops> {
    const key = mailbox.toLowerCase();
    await this.#makeRoom(key);
    // Nothing may come between this look and the lock: two that log in at once ask for it in the same turn.
    if (this.#locked.has(key)) throw locked();
    const { promise: left, resolve } = Promise.withResolvers<void>();
    const holder = { reader, left };
    this.#locked.set(key, holder);
    const unlock = (): void => {
      if (this.#locked.get(key) === holder) this.#locked.delete(key);
      resolve();
    };
    try {
      const store = await this.#open(upstream, mailbox, reader.gone);
      return {
        open: (folder, options) => store.open(folder, options),
        close: async () => {
          unlock();
          await store.close();
        },
      };
    } catch (error) {
      unlock();
      throw error;
    }
  }

  async #makeRoom(key: string): Promise<void> {
    const holder = this.#locked.get(key);
    if (holder === undefined) return;
    if (!holder.reader.giveWay()) throw locked();
    await Promise.race([holder.left, setTimeout(makingRoomMs, undefined, { ref: false })]);
  }

  /** A refused token is renewed once. */
  async #open(upstream: ReadingUpstream, mailbox: string, gone: AbortSignal): Promise<Maildrops> {
    const options = {
      ...upstream.endpoints.imap,
      ...(upstream.ca === undefined ? {} : { ca: upstream.ca }),
      mailbox,
      connectTimeoutMs,
      sizes: this.#sizes,
      gone,
    };
    const accessToken = await unlessAborted(upstream.getToken('exchange'), gone);
    try {
      return await openExchangeStore({ ...options, accessToken });
    } catch (error) {
      if (!(error instanceof BridgeError && error.code === 'mailbox-login-refused')) throw error;
      const renewed = await unlessAborted(upstream.getToken('exchange', accessToken), gone);
      if (renewed === accessToken) throw error;
      return await openExchangeStore({ ...options, accessToken: renewed });
    }
  }
}

function locked(): MailStoreError {
  const text = 'The mailbox is open in another POP3 session.';
  return new MailStoreError('in-use', text, { cause: new BridgeError('maildrop-in-use', text) });
}
