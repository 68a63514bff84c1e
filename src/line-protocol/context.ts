import type { Presence } from '../base/sockets/presence.ts';
import type { HandOver } from './session.ts';

/** What a command of either protocol can use of its connection. */
export interface LineProtocolContext {
  readonly presence: Presence;
  readonly secure: boolean;
  readonly canStartTls: boolean;
  /** Sends a challenge and resolves to the client's response. @throws ProtocolRefusal if the client cancels with `*` */
  ask(challenge: Buffer): Promise<Buffer>;
  /** Discards what the client has sent in clear, and stops reading: after the go-ahead comes TLS. */
  expectTls(): void;
  startTls(): Promise<void>;
  /** Ends the engine's part of the connection. */
  handOver(login: HandOver): Promise<void>;
  /** Ends the connection once everything is written. */
  end(): void;
}
