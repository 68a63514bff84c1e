import type { HandOver, LineProtocolSession, StoreLogin } from '../line-protocol/session.ts';
import type { MailStore } from '../mailbox/mail-store.ts';

/** The states of a connection (RFC 9051 section 3). */
export type ImapState = 'not-authenticated' | 'authenticated' | 'selected' | 'logout';

/** What follows a successful login. */
export type ImapLogin = ImapStoreLogin | ImapHandOver;

export interface ImapStoreLogin extends StoreLogin<MailStore> {
  /** The OK to the login tells the capabilities, which saves the client a question. */
  readonly tellsCapabilities?: boolean;
}

export interface ImapHandOver extends HandOver {
  /** Capabilities that the client is told with its OK: `IMAP4rev1 IDLE …`. */
  readonly capabilities: string | undefined;
}

/** The application's side of one IMAP connection before login; what it throws as an `ImapReply` is the reply. */
export interface ImapSession extends LineProtocolSession<ImapLogin, 'LOGIN' | 'AUTHENTICATE'> {
  /** What ID (RFC 2971) answers; undefined for NIL. */
  identify(client: ReadonlyMap<string, string>): ReadonlyMap<string, string> | undefined;
}
