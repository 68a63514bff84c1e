import type { Duplex } from 'node:stream';

/** A client whose login is done and that somebody else goes on with. */
export interface HandedOver {
  readonly socket: Duplex;
  /** What the client sent behind its login, a partial line included. */
  readonly unread: Buffer;
}
