import { join } from 'node:path';
import type { Clock } from '../base/clock.ts';
import { errorText } from '../base/errors.ts';
import type { HttpClient } from '../base/http/client.ts';
import type { Log } from '../base/log.ts';
import { GraphClient } from '../graph/client/client.ts';
import type { MailStore } from '../mailbox/mail-store.ts';
import { bridgeError } from '../mailstores/graph/errors.ts';
import type { ShareIndex } from '../mailstores/graph/index/mailbox-index.ts';
import { GraphMailbox } from '../mailstores/graph/mailbox.ts';
import type { RequestLimits } from '../mailstores/graph/remote/budget.ts';
import type { GraphMailboxAccess } from '../mailstores/graph/remote/requests.ts';
import { GraphMailStore } from '../mailstores/graph/store.ts';
import type { StoreReader } from './login.ts';

/** The part of a connection that reading through Graph needs. */
export interface GraphReadingUpstream {
  readonly endpoints: { readonly graph: string };
  readonly http: HttpClient;
  /** Whether a mailbox is reached by its name, or as that of the person who signed in. */
  readonly sendAs: 'mailbox' | 'me';
  /** See {@link GraphMailboxAccess.imports}. */
  readonly mailboxImport: boolean;
  getToken(resource: 'graph', refused?: string): Promise<string>;
}

/** Settings of reading through Graph. */
export interface GraphReadingSettings {
  readonly dataDir: string;
  /** Message contents kept on disk per mailbox, bytes. */
  readonly cacheBytes: number;
  /** Interval between looks at a selected folder, milliseconds. */
  readonly pollMs: number;
  /** Limit per mailbox. */
  readonly requests: RequestLimits;
  /** Set if several instances share the index of each mailbox. */
  readonly share?: ShareIndex | undefined;
}

interface OpenMailbox {
  readonly mailbox: GraphMailbox;
  readonly access: GraphMailboxAccess;
  sessions: number;
  /** Cancels the pending close. */
  cancelClose: (() => void) | undefined;
}

/** A mailbox that nobody reads stays open this long, so that a returning mail program finds everything in memory. */
const closeAfterMs = 10 * 60_000;
/** Mail programs give up on a login after 20 to 60 seconds, and retry on their own. */
const loginPatienceMs = 15_000;
/** Graph accepts four requests at a time, of which one is left for sending. */
const requestsAtATime = 3;

/** The mailboxes that sessions read through Graph, each opened once regardless of the number of sessions. */
export class GraphMailboxes {
  readonly #settings: GraphReadingSettings;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #upstream: (connection: string) => GraphReadingUpstream;
  readonly #open = new Map<string, OpenMailbox>();

  /** @param upstream returns a connection as currently configured @throws BridgeError `connection-gone` */
  constructor(
    settings: GraphReadingSettings,
    parts: { readonly clock: Clock; readonly log: Log },
    upstream: (connection: string) => GraphReadingUpstream,
  ) {
    this.#settings = settings;
    this.#clock = parts.clock;
    this.#log = parts.log;
    this.#upstream = upstream;
  }

  /**
   * Opens a mailbox for a session after verifying that Graph grants access to it.
   * @throws BridgeError
   */
  async open(connection: string, mailbox: string, reader: StoreReader): Promise<MailStore> {
    const { gone } = reader;
    const entry = this.#entry(connection, mailbox);
    entry.sessions += 1;
    entry.cancelClose?.();
    entry.cancelClose = undefined;
    let isOpen = false;
    const leave = () => {
      this.#left(entry);
      if (isOpen) reader.left?.();
    };
    const store = new GraphMailStore({ mailbox: entry.mailbox, access: entry.access, gone, leave });
    try {
      await entry.mailbox.folders({ signal: gone, patienceMs: loginPatienceMs });
      isOpen = true;
      return store;
    } catch (error) {
      await store.close();
      if (gone.aborted) throw error;
      throw bridgeError(error, mailbox);
    }
  }

  /** Closes all; remaining sessions fail. */
  close(): void {
    for (const { mailbox, cancelClose } of this.#open.values()) {
      cancelClose?.();
      mailbox.close();
    }
    this.#open.clear();
  }

  #entry(connection: string, mailbox: string): OpenMailbox {
    const { endpoints, sendAs, mailboxImport } = this.#upstream(connection);
    const key = [connection, mailbox.toLowerCase(), endpoints.graph, sendAs, mailboxImport].join('\n');
    const known = this.#open.get(key);
    if (known !== undefined) return known;
    const { dataDir, cacheBytes, pollMs, share, requests: limits } = this.#settings;
    const client = this.#client(connection);
    const access = { client, mailbox, sendAs, clock: this.#clock, imports: mailboxImport, limits };
    const settings = { folder: join(dataDir, 'mailboxes'), cacheBytes, pollMs, share };
    const entry: OpenMailbox = {
      mailbox: new GraphMailbox({ ...access, connection }, settings, this.#log),
      access,
      sessions: 0,
      cancelClose: undefined,
    };
    this.#open.set(key, entry);
    return entry;
  }

  /** Every request uses the current configuration of the connection. */
  #client(connection: string): GraphClient {
    const upstream = () => this.#upstream(connection);
    return new GraphClient({
      http: {
        request: (request) => upstream().http.request(request),
        renewConnections: () => upstream().http.renewConnections(),
        close: async () => {},
      },
      origin: upstream().endpoints.graph,
      getToken: ({ refused }) => upstream().getToken('graph', refused),
      // Requests for a mailbox are retried by their callers.
      retry: { mode: 'none', statusCodes: [], maxAttempts: 1, multiplyWait: false, waitMs: 0 },
      clock: this.#clock,
      concurrentPerMailbox: requestsAtATime,
    });
  }

  #left(entry: OpenMailbox): void {
    entry.sessions -= 1;
    if (entry.sessions > 0) return;
    entry.cancelClose = this.#clock.after(closeAfterMs, () => {
      for (const [key, open] of this.#open) if (open === entry) this.#open.delete(key);
      try {
        entry.mailbox.close();
      } catch (error) {
        this.#log.warn({ error }, `the index of ${entry.access.mailbox} cannot be closed: ${errorText(error)}`);
      }
    });
  }
}
