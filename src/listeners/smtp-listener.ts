import { createSmtpServer } from '../smtp/server.ts';
import type { SmtpServerSettings } from '../smtp/settings.ts';
import { type Listener, type ListenerOptions, type ListenerProtocol, listen } from './listener.ts';

/** An SMTP listener. */
export interface SmtpListener extends Listener {
  /** Number of sessions open now, with the protocol that the listener was opened with. */
  connections(): number;
}

/** Handles SMTP clients and counts their sessions. */
export function smtpProtocol(settings: SmtpServerSettings): ListenerProtocol & { connections(): number } {
  const server = createSmtpServer(settings);
  return {
    name: 'smtp',
    rejection: (limit) =>
      limit === 'total'
        ? '421 4.3.2 Too many connections, try again in a moment\r\n'
        : '421 4.7.0 Too many connections from your address\r\n',
    serve: async (client) => server.serve(client),
    shutDown: (graceMs) => server.shutDown(graceMs),
    connections: () => server.connections(),
  };
}

/** Listens for SMTP clients. Rejects with the system's error if the port is not available. */
export async function listenSmtp(options: ListenerOptions & SmtpServerSettings): Promise<SmtpListener> {
  const protocol = smtpProtocol(options);
  return { ...(await listen(options, protocol)), connections: () => protocol.connections() };
}
