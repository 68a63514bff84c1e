import { createSmtpServer } from '../smtp/server.ts';
import type { SmtpServerSettings } from '../smtp/settings.ts';
import { type Listener, type ListenerOptions, type ListenerProtocol, listen } from './listener.ts';

/** An SMTP listener. */
export interface SmtpListener extends Listener {
  /** Sessions open now, as it was opened. */
  connections(): number;
}

/** What becomes of SMTP clients, and how many sessions there are. */
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

/** Listens for SMTP clients. Rejects with the system's error when the port cannot be had. */
export async function listenSmtp(options: ListenerOptions & SmtpServerSettings): Promise<SmtpListener> {
  const protocol = smtpProtocol(options);
  return { ...(await listen(options, protocol)), connections: () => protocol.connections() };
}
