import { LRUCache } from 'lru-cache';
import { boundedBy } from '../base/bounded-by.ts';
import { BridgeError } from '../base/errors.ts';
import type { Presence } from '../base/sockets/presence.ts';
import { unlessAborted } from '../base/unless-aborted.ts';
import type { Maildrops } from '../mailbox/mail-store.ts';
import { openExchangeStore } from '../mailstores/exchange/store.ts';
import type { LockMaildrop } from './maildrop-locks.ts';
import type { ReadingUpstream } from './upstream.ts';

/** The part of a connection that a translated maildrop needs. */
export type MaildropUpstream = Pick<ReadingUpstream, 'ca' | 'getToken'> & {
  readonly endpoints: Pick<ReadingUpstream['endpoints'], 'imap'>;
};

const connectTimeoutMs = 20_000;

/** Tells whether the reader is still there; {@link Presence} implements it. */
export type Reader = Pick<Presence, 'gone' | 'giveWay'>;

/** POP3 maildrops that are not passed through but read over IMAP, or through Graph. */
export class TranslatedMaildrops {
  readonly #lock: LockMaildrop;
  /** Exact sizes of messages, for servers that only estimate them. */
  readonly #sizes = new LRUCache<string, number>(boundedBy(50_000));

  /** @param lock shared by everything that serves POP3 clients */
  constructor(lock: LockMaildrop) {
    this.#lock = lock;
  }

  /**
   * Opens a maildrop, which closes when its reader has gone. A reader that seems to have left makes room for this one.
   * @throws MailStoreError `in-use`; BridgeError if no token is available or the login fails
   */
  async open(upstream: MaildropUpstream, mailbox: string, reader: Reader): Promise<Maildrops> {
    return await this.locked(mailbox, reader, () => this.#open(upstream, mailbox, reader.gone));
  }

  /** Opens a maildrop with any store behind it. @throws MailStoreError `in-use`; what `open` throws */
  async locked(mailbox: string, reader: Reader, open: () => Promise<Maildrops>): Promise<Maildrops> {
    const unlock = await this.#lock(mailbox, reader);
    try {
      const store = await open();
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

  /** Renews a refused token once. */
  async #open(upstream: MaildropUpstream, mailbox: string, gone: AbortSignal): Promise<Maildrops> {
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
