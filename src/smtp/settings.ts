import type { SaslMechanism } from '../sasl/server-exchange.ts';
import type { SmtpConnectionInfo, SmtpSession } from './session.ts';

export interface SmtpServerSettings {
  /** TLS on the listener: `tls` is active from the start, `starttls` is offered. */
  readonly security: 'none' | 'starttls' | 'tls';
  /** Name in the greeting and at EHLO. */
  readonly name: string;
  /** Text after the name in the greeting. */
  readonly banner?: string;
  readonly mechanisms: readonly SaslMechanism[];
  readonly maxMessageBytes: number;
  readonly maxRecipients: number;
  /**
   * How a message with line ends other than CRLF is treated. `lenient` (default): they become CRLF. `strict`: it is
   * refused (554 5.6.11). In both cases command lines may end in LF alone.
   */
  readonly lineEnds?: 'lenient' | 'strict';
  /** How long a client may wait after a wrong end of its message before it gets the reply; default five seconds. */
  readonly wrongEndWaitMs?: number;
  /** How long a client may be silent; RFC 5321 section 4.5.3.2 asks for five minutes. */
  readonly idleTimeoutMs: number;
  /** Called once for each connection before the greeting; may throw an SmtpReply to reject it. */
  openSession(connection: SmtpConnectionInfo): SmtpSession;
  /** Called with everything a session throws that is not an SmtpReply. */
  onDefect(error: unknown, connection: SmtpConnectionInfo): void;
  /** Called for clients whose connection failed. */
  onRejected(remoteAddress: string, why: string): void;
  /** Called for clients that were cut off because they did not read their replies. */
  onStalled(remoteAddress: string): void;
}
