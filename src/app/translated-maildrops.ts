import { LRUCache } from 'lru-cache';
import { BridgeError } from '../base/errors.ts';
import { type Maildrops, MailStoreError } from '../mailbox/mail-store.ts';
import { openExchangeStore } from '../mailstores/exchange.ts';
import type { Upstream } from './upstream.ts';

/** As much of a connection as reading takes. */
export type MailboxUpstream = Pick<Upstream, 'ca' | 'getToken'> & {
  readonly endpoints: Pick<Upstream['endpoints'], 'imap'>;
};

const connectTimeoutMs = 20_000;

/** POP3 maildrops that are read over IMAP: one session at a time for each mailbox (RFC 1939 section 4). */
export class TranslatedMaildrops {
  readonly #locked = new Set<string>();
  /** The true sizes of messages whose server only estimates them. */
  readonly #sizes = new LRUCache<string, number>({ max: 50_000 });

  /** @throws MailStoreError `in-use`; BridgeError where no token is to be had or the login fails */
  async open(upstream: MailboxUpstream, mailbox: string): Promise<Maildrops> {
    const key = mailbox.toLowerCase();
    if (this.#locked.has(key)) throw locked();
    this.#locked.add(key);
    try {
      const store = await this.#open(upstream, mailbox);
      return {
        open: (folder, options) => store.open(folder, options),
        close: async () => {
          this.#locked.delete(key);
          await store.close();
        },
      };
    } catch (error) {
      this.#locked.delete(key);
      throw error;
    }
  }

  /** A refused token is renewed once. */
  async #open(upstream: MailboxUpstream, mailbox: string): Promise<Maildrops> {
    const options = {
      ...upstream.endpoints.imap,
      ...(upstream.ca === undefined ? {} : { ca: upstream.ca }),
      mailbox,
      connectTimeoutMs,
      sizes: this.#sizes,
    };
    const accessToken = await upstream.getToken('exchange');
    try {
      return await openExchangeStore({ ...options, accessToken });
    } catch (error) {
      if (!(error instanceof BridgeError && error.code === 'mailbox-login-refused')) throw error;
      const renewed = await upstream.getToken('exchange', accessToken);
      if (renewed === accessToken) throw error;
      return await openExchangeStore({ ...options, accessToken: renewed });
    }
  }
}

function locked(): MailStoreError {
  const text = 'The mailbox is open in another POP3 session.';
  return new MailStoreError('in-use', text, { cause: new BridgeError('maildrop-in-use', text) });
}
