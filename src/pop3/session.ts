import type { HandOver, LineProtocolSession, StoreLogin } from '../line-protocol/session.ts';
import type { Maildrops } from '../mailbox/mail-store.ts';
import type { SaslMechanism } from '../sasl/server-exchange.ts';

/** The states of a connection (RFC 1939 section 3). */
export type Pop3State = 'authorization' | 'transaction' | 'ended';

/** The result of a successful login. */
export type Pop3Login = StoreLogin<Maildrops> | HandOver;

/**
 * The application's side of one POP3 connection before login; a `Pop3Reply` that it throws is sent as the reply. Its
 * capabilities are the lines of CAPA (RFC 2449).
 */
export interface Pop3Session extends LineProtocolSession<Pop3Login, 'PASS' | 'AUTH'> {
  /** Whether the client may send its first SASL message with the AUTH command. */
  takesInitialResponse(mechanism: SaslMechanism): boolean;
}
