import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { Listener } from '../config/schema.ts';
import type { Queue } from '../queue/queue.ts';
import { listenSmtp } from '../smtp/server.ts';
import type { BridgeState, OpenListener } from './bridge.ts';
import type { ListenerTls } from './listener-certificates.ts';
import { smtpDefect, submissionSessions } from './smtp-listener.ts';

export interface ListenerParts {
  readonly listener: Listener;
  readonly tls?: ListenerTls;
  readonly hostname: string;
  readonly queue: Queue;
  readonly clock: Clock;
  readonly log: Log;
  state(): BridgeState;
}

/** Opens one listener of the configuration. Rejects with the system's error when the port cannot be had. */
export async function openListener(parts: ListenerParts): Promise<OpenListener> {
  const { listener } = parts;
  const opened = await openers[listener.protocol](parts);
  const { protocol, host, security } = listener;
  return { protocol, host, security, ...opened };
}

type Opened = Pick<OpenListener, 'port' | 'updateTls' | 'close'>;

const openers: Readonly<Record<Listener['protocol'], (parts: ListenerParts) => Promise<Opened>>> = {
  smtp: openSmtp,
  imap: async () => Promise.reject(new Error('not yet')),
  pop3: async () => Promise.reject(new Error('not yet')),
};

function openSmtp(parts: ListenerParts): Promise<Opened> {
  const { listener, log, state } = parts;
  const { limits } = state().config;
  return listenSmtp({
    host: listener.host,
    port: listener.port,
    security: listener.security,
    ...(parts.tls ? { tls: parts.tls } : {}),
    name: parts.hostname,
    banner: 'mailbridge',
    mechanisms: ['PLAIN', 'LOGIN'],
    maxMessageBytes: Math.floor(limits.maxMessageMegabytes * 1024 * 1024),
    maxRecipients: limits.maxRecipients,
    maxConnections: limits.maxConnections,
    idleTimeoutMs: limits.idleTimeoutSeconds * 1000,
    openSession: submissionSessions({ ...parts, allowInsecureAuth: listener.allowInsecureAuth }),
    onDefect: smtpDefect(log),
  });
}
