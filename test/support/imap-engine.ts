import { createServer } from 'node:net';
import type { Duplex } from 'node:stream';
import { silentLog } from '../../src/base/log.ts';
import { engineCapabilities } from '../../src/imap/capabilities.ts';
import { defaultImapLimits } from '../../src/imap/options.ts';
import { serveImap } from '../../src/imap/serve.ts';
import type { ImapSession } from '../../src/imap/session.ts';
import type { MailStore } from '../../src/mailbox/mail-store.ts';

/** Serves the engine over any store, announcing all capabilities; every password opens the store. */
export function serveEngine(
  socket: Duplex,
  openStore: (username: string) => MailStore,
  log = silentLog,
): Promise<void> {
  let store: MailStore | undefined;
  const session: ImapSession = {
    capabilities: () => engineCapabilities({ store, mechanisms: ['PLAIN', 'LOGIN'], canStartTls: false }),
    mechanisms: () => ['PLAIN', 'LOGIN'],
    identify: () => new Map([['name', 'engine']]),
    authenticate: async ({ username }) => {
      store = openStore(username);
      return { kind: 'store', store, tellsCapabilities: true };
    },
    closed: () => {},
  };
  return serveImap(socket, { greeting: 'ready', secure: true, session, limits: defaultImapLimits, log });
}

/** The same on a port of this machine. */
export async function listenEngine(openStore: (username: string) => MailStore, port = 0, log = silentLog) {
  const sockets = new Set<Duplex>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    void serveEngine(socket, openStore, log);
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    close: () => {
      for (const socket of sockets) socket.destroy();
      return new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
