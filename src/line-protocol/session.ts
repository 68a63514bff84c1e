import type { Duplex } from 'node:stream';
import type { Presence } from '../base/sockets/presence.ts';
import type { SaslCredentials, SaslMechanism } from '../sasl/server-exchange.ts';

/** A logged-in client with whom another owner continues. */
export interface HandedOver {
  readonly socket: Duplex;
  /** What the client sent after its login, including a partial line. */
  readonly unread: Buffer;
}

/** After login, the engine continues over a mail store. */
export interface StoreLogin<Store> {
  readonly kind: 'store';
  readonly store: Store;
}

/** After login, the engine hands the connection over. */
export interface HandOver {
  readonly kind: 'hand-over';
  /** Resolves when the connection is over. Called once, after the reply to the login has been written. */
  take(connection: HandedOver): Promise<void>;
  /** The client went away before {@link take} could be called. */
  abandon(): void;
}

/**
 * The application's side of one connection before login; afterwards there is a mail store. If a method throws a reply
 * of the protocol, that is the reply; anything else is logged and answered in general words.
 */
export interface LineProtocolSession<Login = unknown, Command extends string = string> {
  /** Called whenever they are to be sent; `secure` says whether TLS is active now. */
  capabilities(at: { readonly authenticated: boolean; readonly secure: boolean }): readonly string[];
  /** SASL mechanisms offered now. Commands with name and password are available if LOGIN or PLAIN is. */
  mechanisms(secure: boolean): readonly SaslMechanism[];
  /**
   * @param command the command the client used, for servers whose texts differ
   * @param presence of the client: whatever is opened for it, or waits for it, ends when the client has gone
   */
  authenticate(credentials: SaslCredentials, command: Command, presence: Presence): Promise<Login>;
  /** The engine's part is over, and the connection is closed or handed over; no other method is called afterwards. */
  closed(): void;
}
