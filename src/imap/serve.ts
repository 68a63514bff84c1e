import type { Duplex } from 'node:stream';
import { ImapConnection } from './connection.ts';
import type { ImapOptions } from './options.ts';

/** Serves one IMAP connection until either side ends it. Never rejects. */
export function serveImap(socket: Duplex, options: ImapOptions): Promise<void> {
  return new ImapConnection(socket, options).serve();
}
