import type { HandOver, LineProtocolSession, StoreLogin } from '../line-protocol/session.ts';
import type { MailStore } from '../mailbox/mail-store.ts';

/** The states of a connection (RFC 9051 section 3). */
export type ImapState = 'not-authenticated' | 'authenticated' | 'selected' | 'logout';

/** The result of a successful login. */
export type ImapLogin = ImapStoreLogin | ImapHandOver;

export interface ImapStoreLogin extends StoreLogin<MailStore> {
  /** The OK to the login includes the capabilities, which saves the client a command. */
  readonly tellsCapabilities?: boolean;
}

export interface ImapHandOver extends HandOver {
  /** Capabilities sent to the client with its OK: `IMAP4rev1 IDLE …`. */
  readonly capabilities: string | undefined;
}

/** The application's side of one IMAP connection before login; an `ImapReply` that it throws is sent as the reply. */
export interface ImapSession extends LineProtocolSession<ImapLogin, 'LOGIN' | 'AUTHENTICATE'> {
  /** The answer to ID (RFC 2971); undefined for NIL. */
  identify(client: ReadonlyMap<string, string>): ReadonlyMap<string, string> | undefined;
}
