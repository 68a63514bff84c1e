import type { Duplex } from 'node:stream';
import { Pop3Connection } from './connection.ts';
import type { Pop3Options } from './options.ts';

/** Serves one POP3 connection until either side ends it. Never rejects. */
export function servePop3(socket: Duplex, options: Pop3Options): Promise<void> {
  return new Pop3Connection(socket, options).serve();
}
