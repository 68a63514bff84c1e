import type { Clock } from '../../base/clock.ts';
import type { Log } from '../../base/log.ts';
import { KeyedSemaphore } from '../../base/semaphore.ts';
import type { MailStore } from '../../mailbox/mail-store.ts';
import { authenticateReader, type ReadLogin } from '../../reading/authenticate.ts';
import { GraphMailboxes, type GraphReadingSettings } from '../../reading/graph-mailboxes.ts';
import type { ReadingHost } from '../../reading/host.ts';
import type { StoreReader } from '../../reading/login.ts';
import { type MaildropHolder, MaildropLocks } from '../../reading/maildrop-locks.ts';
import { connectionGone } from '../../reading/upstream.ts';
import type { SaslCredentials } from '../../sasl/server-exchange.ts';
import type { BridgeState } from '../bridge-state.ts';
import type { Upstream } from '../connections/upstream.ts';

/** Hosts reading sessions, in this process and in workers: accounts, permits and connections of the bridge itself. */
export class BridgeReadingHost implements ReadingHost {
  readonly #state: () => BridgeState;
  readonly #permits: KeyedSemaphore;
  readonly #locks = new MaildropLocks();
  readonly #graph: GraphMailboxes;

  /** @param permitsPerAccount sessions of an account with one mailbox over one protocol */
  constructor(
    state: () => BridgeState,
    permitsPerAccount: number,
    graph: { readonly settings: GraphReadingSettings; readonly clock: Clock; readonly log: Log },
  ) {
    this.#state = state;
    this.#graph = new GraphMailboxes(graph.settings, graph, (connection) => this.upstream(connection));
    this.#permits = new KeyedSemaphore(permitsPerAccount);
  }

  authenticate(credentials: SaslCredentials, remoteAddress: string, protocol: 'imap' | 'pop3'): Promise<ReadLogin> {
    return authenticateReader(this.#state().directory, credentials, remoteAddress, protocol);
  }

  async permit(key: string): Promise<(() => void) | undefined> {
    return this.#permits.tryAcquire(key);
  }

  lockMaildrop(mailbox: string, holder: MaildropHolder): Promise<() => void> {
    return this.#locks.lock(mailbox, holder);
  }

  async openGraphStore(
    { connection, mailbox }: { readonly connection: string; readonly mailbox: string },
    reader: StoreReader,
  ): Promise<MailStore> {
    return await this.#graph.open(connection, mailbox, reader);
  }

  /** Sessions are over. */
  close(): void {
    this.#graph.close();
  }

  upstream(connection: string): Upstream {
    const upstream = this.#state().upstreams.get(connection);
    if (upstream) return upstream;
    throw connectionGone(connection);
  }
}
