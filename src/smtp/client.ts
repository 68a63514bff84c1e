import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';

/** A client that a listener has accepted; with implicit TLS the handshake is done. */
export interface SmtpClient {
  /** Short random name, for logs. */
  readonly id: string;
  readonly socket: Socket;
  /** IPv4 or IPv6 address, canonical, an IPv4-mapped one as IPv4. */
  readonly remoteAddress: string;
  /** Present where STARTTLS is to be offered. Does the handshake; the socket is closed where it fails. */
  readonly startTls?: (socket: Duplex) => Promise<Socket>;
  /** From the moment a client is accepted to its login. */
  readonly loginTimeoutMs: number;
  /** Milliseconds that are left of it. */
  loginMsLeft(): number;
}
