import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';

/** A client that a listener has accepted; with implicit TLS the handshake is done. */
export interface SmtpClient {
  /** Short random name, for logs. */
  readonly id: string;
  readonly socket: Socket;
  /** IPv4 or IPv6 address, canonical, an IPv4-mapped one as IPv4. */
  readonly remoteAddress: string;
  /** Present if STARTTLS is offered. Does the handshake; the socket is closed if it fails. */
  readonly startTls?: (socket: Duplex) => Promise<Socket>;
  /** From the acceptance of a client to its login. */
  readonly loginTimeoutMs: number;
  /** Milliseconds left of it. */
  loginMsLeft(): number;
}
