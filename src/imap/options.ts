import type { Duplex } from 'node:stream';
import type { Log } from '../base/log.ts';
import type { ImapSession } from './session.ts';

/** Bounds of one connection. */
export interface ImapLimits {
  /** From the greeting to a successful login. */
  readonly loginTimeoutMs: number;
  /** Silence of a client that has logged in; at least 30 minutes (RFC 9051 section 5.4). */
  readonly idleTimeoutMs: number;
  /** Octets of one command with its literals, but for the message of an APPEND. */
  readonly maxCommandBytes: number;
  /** Commands before the login; default 100. */
  readonly maxCommandsBeforeLogin?: number;
  /** Refused logins after which the connection ends. */
  readonly maxFailedLogins: number;
}

export const defaultImapLimits: ImapLimits = {
  loginTimeoutMs: 3 * 60_000,
  idleTimeoutMs: 31 * 60_000,
  maxCommandBytes: 64 * 1024,
  maxFailedLogins: 5,
};

export interface ImapOptions {
  /** What the greeting says behind `* OK`. */
  readonly greeting: string;
  /** TLS is active from the start. */
  readonly secure: boolean;
  /** Absent where STARTTLS is not offered. Wraps the socket and resolves once the handshake is done. */
  readonly startTls?: (socket: Duplex) => Promise<Duplex>;
  readonly session: ImapSession;
  readonly limits: ImapLimits;
  readonly log: Log;
  /**
   * Ends the connection with a BYE, after the command under way. A connection handed over is not touched.
   * A reason that is a string is told the client.
   */
  readonly signal?: AbortSignal;
}
