import type { Duplex } from 'node:stream';
import type { Presence } from '../base/sockets/presence.ts';
import type { SaslCredentials, SaslMechanism } from '../sasl/server-exchange.ts';

/** A client whose login is done and that somebody else goes on with. */
export interface HandedOver {
  readonly socket: Duplex;
  /** What the client sent behind its login, a partial line included. */
  readonly unread: Buffer;
}

/** After the login the engine goes on over a mail store. */
export interface StoreLogin<Store> {
  readonly kind: 'store';
  readonly store: Store;
}

/** After the login the engine hands the connection over. */
export interface HandOver {
  readonly kind: 'hand-over';
  /** Resolves when the connection is over. Called once, after the reply to the login has been written. */
  take(connection: HandedOver): Promise<void>;
  /** The client went away before {@link take} could be called. */
  abandon(): void;
}

/**
 * The application's side of one connection before login; after it there is a mail store. What a method throws as a reply
 * of the protocol is the reply; anything else is logged and answered in general words.
 */
export interface LineProtocolSession<Login = unknown, Command extends string = string> {
  /** Asked for whenever they are to be told; `secure` says whether TLS is active now. */
  capabilities(at: { readonly authenticated: boolean; readonly secure: boolean }): readonly string[];
  /** SASL mechanisms served now. Commands that take name and password are served where LOGIN or PLAIN is. */
  mechanisms(secure: boolean): readonly SaslMechanism[];
  /**
   * @param command what the client used, for servers whose texts differ
   * @param presence of the client: what is opened for it, and what that waits for, ends when the client has gone
   */
  authenticate(credentials: SaslCredentials, command: Command, presence: Presence): Promise<Login>;
  /** The engine's part is over, the connection gone or handed over; nothing is called any more. */
  closed(): void;
}
