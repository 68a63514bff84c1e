import type { Duplex } from 'node:stream';
import type { Log } from '../base/log.ts';
import type { Pop3Session } from './session.ts';

/** Bounds of one connection. */
export interface Pop3Limits {
  /** From the greeting to a successful login. */
  readonly loginTimeoutMs: number;
  /** Silence of a client that has logged in; at least 10 minutes (RFC 1939 section 3). */
  readonly idleTimeoutMs: number;
  /** Octets of one line. */
  readonly maxLineBytes: number;
  /** Commands before the login; default 100. */
  readonly maxCommandsBeforeLogin?: number;
  /** Refused logins after which the connection ends. */
  readonly maxFailedLogins: number;
}

export const defaultPop3Limits: Pop3Limits = {
  loginTimeoutMs: 3 * 60_000,
  idleTimeoutMs: 31 * 60_000,
  maxLineBytes: 32 * 1024,
  maxFailedLogins: 5,
};

export interface Pop3Options {
  /** What the greeting says behind `+OK`. It holds no timestamp in angle brackets: that would offer APOP. */
  readonly greeting: string;
  /** TLS is active from the start. */
  readonly secure: boolean;
  /** Absent where STLS is not offered. Wraps the socket and resolves once the handshake is done. */
  readonly startTls?: (socket: Duplex) => Promise<Duplex>;
  readonly session: Pop3Session;
  readonly limits: Pop3Limits;
  readonly log: Log;
  /**
   * Ends the connection with an -ERR, after the command under way. A connection handed over is not touched.
   * A reason that is a string is told the client.
   */
  readonly signal?: AbortSignal;
}
