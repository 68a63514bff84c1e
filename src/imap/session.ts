import type { HandedOver } from '../base/sockets/handed-over.ts';
import type { Presence } from '../base/sockets/presence.ts';
import type { MailStore } from '../mailbox/mail-store.ts';
import type { SaslCredentials, SaslMechanism } from '../sasl/server-exchange.ts';

/** The states of a connection (RFC 9051 section 3). */
export type ImapState = 'not-authenticated' | 'authenticated' | 'selected' | 'logout';

/** What follows a successful login: the engine goes on over a mail store, or it hands the connection over. */
export type ImapLogin =
  | { readonly kind: 'store'; readonly store: MailStore }
  | {
      readonly kind: 'hand-over';
      /** Capabilities that the client is told with its OK: `IMAP4rev1 IDLE …`. */
      readonly capabilities: string | undefined;
      /** Resolves when the connection is over. Called once, after the OK has been written. */
      take(connection: HandedOver): Promise<void>;
      /** The client went away before {@link take} could be called. */
      abandon(): void;
    };

/**
 * The application's side of one IMAP connection before login; after it there is a mail store.
 * What a method throws as an `ImapReply` is the reply; anything else is logged and answered in general words.
 */
export interface ImapSession {
  /** Asked for whenever they are to be told; `secure` says whether TLS is active now. */
  capabilities(at: { readonly authenticated: boolean; readonly secure: boolean }): readonly string[];
  /** SASL mechanisms served now. LOGIN (the command) is served where LOGIN or PLAIN is. */
  mechanisms(secure: boolean): readonly SaslMechanism[];
  /**
   * @param command what the client used, for servers whose texts differ
   * @param presence of the client: what is opened for it, and what that waits for, ends when the client has gone
   */
  authenticate(credentials: SaslCredentials, command: 'LOGIN' | 'AUTHENTICATE', presence: Presence): Promise<ImapLogin>;
  /** What ID (RFC 2971) answers; undefined for NIL. */
  identify(client: ReadonlyMap<string, string>): ReadonlyMap<string, string> | undefined;
  /** The engine's part is over, the connection gone or handed over; nothing is called any more. */
  closed(): void;
}
