import { BridgeError } from '../../base/errors.ts';
import type { OpenUpstream } from '../../exchange/reading/connect.ts';
import { splitConnection } from '../../message/own-connection.ts';
import type { ReadLogin } from '../../reading/authenticate.ts';
import type { MailboxUpstream, ReadingHost } from '../../reading/host.ts';
import type { MaildropHolder } from '../../reading/maildrop-locks.ts';
import { connectionGone, openMailbox } from '../../reading/upstream.ts';
import type { SaslCredentials } from '../../sasl/server-exchange.ts';
import type { Channel } from './channel.ts';
import type { AskedOfMain, AskedOfWorker, ConnectionPlaces, ToldMain, ToldWorker } from './messages.ts';

/** A worker's end of the channel. */
type WorkerChannel = Channel<AskedOfMain, AskedOfWorker, ToldMain, ToldWorker>;

/** The host of a worker's sessions, which calls the main process. */
export class RemoteReadingHost implements ReadingHost {
  readonly #channel: WorkerChannel;
  readonly #holders = new Map<number, MaildropHolder>();
  #lastHolder = 0;
  #connections: ConnectionPlaces;

  constructor(channel: WorkerChannel, connections: ConnectionPlaces) {
    this.#channel = channel;
    this.#connections = connections;
  }

  /** Connections of another configuration. */
  useConnections(connections: ConnectionPlaces): void {
    this.#connections = connections;
  }

  authenticate(credentials: SaslCredentials, remoteAddress: string, protocol: 'imap' | 'pop3'): Promise<ReadLogin> {
    return this.#channel.ask('authenticate', { credentials, remoteAddress, protocol });
  }

  async permit(key: string): Promise<(() => void) | undefined> {
    const held = await this.#channel.ask('permit', { key });
    return held === undefined ? undefined : this.#release(held);
  }

  async lockMaildrop(mailbox: string, reader: MaildropHolder): Promise<() => void> {
    const holder = ++this.#lastHolder;
    this.#holders.set(holder, reader);
    const forget = () => this.#holders.delete(holder);
    try {
      return this.#release(await this.#channel.ask('lockMaildrop', { mailbox, holder }), forget);
    } catch (error) {
      forget();
      throw error;
    }
  }

  /** Answers the main process; an unknown holder has already left. */
  async giveWay(holder: number): Promise<boolean> {
    return (await this.#holders.get(holder)?.giveWay()) ?? true;
  }

  /** The configuration does not allow workers together with accounts that read through Graph. */
  async openGraphStore(): Promise<never> {
    throw new BridgeError('account-not-reading', 'Mailboxes that are read through Graph are served without workers.');
  }

  upstream(connection: string): MailboxUpstream {
    const { connection: name } = splitConnection(connection);
    const place = Object.hasOwn(this.#connections, name) ? this.#connections[name] : undefined;
    if (place === undefined) throw connectionGone(connection);
    return {
      ...place,
      getToken: (_, refused) => this.#channel.ask('token', { connection, refused }),
      openMailbox(protocol, mailbox, signal): Promise<OpenUpstream> {
        return openMailbox(this, protocol, mailbox, signal);
      },
    };
  }

  #release(held: number, forget?: () => void): () => void {
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      forget?.();
      this.#channel.tell({ kind: 'release', held });
    };
  }
}
