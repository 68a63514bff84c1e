import type { SaslMechanism } from '../sasl/server-exchange.ts';
import type { SmtpConnectionInfo, SmtpSession } from './session.ts';

export interface SmtpServerSettings {
  /** What the listener does: `tls` is active from the start, `starttls` is offered. */
  readonly security: 'none' | 'starttls' | 'tls';
  /** Name in the greeting and at EHLO. */
  readonly name: string;
  /** Text after the name in the greeting. */
  readonly banner?: string;
  readonly mechanisms: readonly SaslMechanism[];
  readonly maxMessageBytes: number;
  readonly maxRecipients: number;
  /**
   * What becomes of a message with line ends other than CRLF. `lenient` (default): they become CRLF. `strict`: it is
   * refused (554 5.6.11). Command lines may end in LF alone in both.
   */
  readonly lineEnds?: 'lenient' | 'strict';
  /** How long a client may wait behind a message that ended in a wrong way before it is told; default five seconds. */
  readonly wrongEndWaitMs?: number;
  /** How long a client may say nothing; RFC 5321 section 4.5.3.2 asks for five minutes. */
  readonly idleTimeoutMs: number;
  /** Called once for each connection before the greeting; may throw an SmtpReply to turn it away. */
  openSession(connection: SmtpConnectionInfo): SmtpSession;
  /** Told of everything a session throws that is no SmtpReply. */
  onDefect(error: unknown, connection: SmtpConnectionInfo): void;
  /** Told of clients whose connection failed. */
  onRejected(remoteAddress: string, why: string): void;
  /** Told of clients that were cut because they did not take their replies. */
  onStalled(remoteAddress: string): void;
}
