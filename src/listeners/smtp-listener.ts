import { createSmtpServer } from '../smtp/server.ts';
import type { SmtpServerSettings } from '../smtp/settings.ts';
import { type Listener, type ListenerOptions, listen } from './listener.ts';

/** An SMTP listener. */
export interface SmtpListener extends Listener {
  /** Sessions open now. */
  connections(): number;
}

/** Listens for SMTP clients. Rejects with the system's error when the port cannot be had. */
export async function listenSmtp(options: ListenerOptions & SmtpServerSettings): Promise<SmtpListener> {
  const server = createSmtpServer(options);
  const listener = await listen(options, {
    name: 'smtp',
    rejection: (limit) =>
      limit === 'total'
        ? '421 4.3.2 Too many connections, try again in a moment\r\n'
        : '421 4.7.0 Too many connections from your address\r\n',
    serve: async (client) => server.serve(client),
  });
  return {
    ...listener,
    connections: () => server.connections(),
    close(graceMs) {
      server.shutDown(graceMs);
      return listener.close(graceMs);
    },
  };
}
