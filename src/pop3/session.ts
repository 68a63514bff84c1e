import type { HandedOver } from '../base/sockets/handed-over.ts';
import type { Presence } from '../base/sockets/presence.ts';
import type { Maildrops } from '../mailbox/mail-store.ts';
import type { SaslCredentials, SaslMechanism } from '../sasl/server-exchange.ts';

/** The states of a connection (RFC 1939 section 3). */
export type Pop3State = 'authorization' | 'transaction' | 'ended';

/** What follows a successful login: the engine goes on over a mail store, or it hands the connection over. */
export type Pop3Login =
  | { readonly kind: 'store'; readonly store: Maildrops }
  | {
      readonly kind: 'hand-over';
      /** Resolves when the connection is over. Called once, after the +OK has been written. */
      take(connection: HandedOver): Promise<void>;
      /** The client went away before {@link take} could be called. */
      abandon(): void;
    };

/**
 * The application's side of one POP3 connection before login; after it there is a mail store.
 * What a method throws as a `Pop3Reply` is the reply; anything else is logged and answered in general words.
 */
export interface Pop3Session {
  /** The lines of CAPA (RFC 2449); `secure` says whether TLS is active now. */
  capabilities(at: { readonly authenticated: boolean; readonly secure: boolean }): readonly string[];
  /** SASL mechanisms served now. USER and PASS are served where LOGIN or PLAIN is. */
  mechanisms(secure: boolean): readonly SaslMechanism[];
  /** Whether the client may send its first SASL message with the AUTH command. */
  takesInitialResponse(mechanism: SaslMechanism): boolean;
  /**
   * @param command what the client used, for servers whose texts differ
   * @param presence of the client: what is opened for it, and what that waits for, ends when the client has gone
   */
  authenticate(credentials: SaslCredentials, command: 'PASS' | 'AUTH', presence: Presence): Promise<Pop3Login>;
  /** The engine's part is over, the connection gone or handed over; nothing is called any more. */
  closed(): void;
}
