import type { Duplex } from 'node:stream';
import type { Log } from '../base/log.ts';
import type { LineProtocolSession } from './session.ts';

/** Limits of one connection. */
export interface LineProtocolLimits {
  /** From the greeting to a successful login. */
  readonly loginTimeoutMs: number;
  /**
   * Maximum silence of a client after login; at least 30 minutes for IMAP (RFC 9051 section 5.4), 10 for POP3 (RFC 1939
   * section 3).
   */
  readonly idleTimeoutMs: number;
  /** Maximum commands before login; default 100. */
  readonly maxCommandsBeforeLogin?: number;
  /** Failed logins after which the connection ends. */
  readonly maxFailedLogins: number;
}

export const defaultLineProtocolLimits: LineProtocolLimits = {
  loginTimeoutMs: 3 * 60_000,
  idleTimeoutMs: 31 * 60_000,
  maxFailedLogins: 5,
};

export interface LineProtocolOptions {
  /** Text of the greeting after `* OK` or `+OK`. */
  readonly greeting: string;
  /** TLS is active from the start. */
  readonly secure: boolean;
  /** Absent if STARTTLS or STLS is not offered. Wraps the socket and resolves once the handshake is done. */
  readonly startTls?: (socket: Duplex) => Promise<Duplex>;
  readonly session: LineProtocolSession;
  readonly limits: LineProtocolLimits;
  readonly log: Log;
  /**
   * Ends the connection with a BYE or an -ERR after the current command. A connection that was handed over is not
   * affected. If the reason is a string, the client is told it.
   */
  readonly signal?: AbortSignal;
}
