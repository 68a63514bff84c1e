import { silentLog } from '../../base/log.ts';
import { listenSmtp } from '../../listeners/smtp-listener.ts';
import type { Listening } from '../http/http-server.ts';
import { frontEndName } from './front-end.ts';
import type { ExchangeSmtpSettings } from './smtp-settings.ts';
import { ExchangeSubmissionSession } from './submission-session.ts';

/** The SMTP client submission limits of Exchange Online. Learn, "Exchange Online limits". */
const maxMessageBytes = 157_286_400;
const maxRecipients = 500;

/** Listens as Exchange Online's client submission endpoint (smtp.office365.com:587). */
export async function listenExchangeSmtp(settings: ExchangeSmtpSettings): Promise<Listening> {
  const byMailbox = new Map<string, Set<ExchangeSubmissionSession>>();
  const server = await listenSmtp({
    host: settings.host,
    port: settings.port,
    security: 'starttls',
    tls: settings.tls,
    name: frontEndName,
    banner: 'Microsoft ESMTP MAIL Service ready (simulated)',
    // LOGIN is offered, as Exchange does, and refused: basic authentication is off.
    mechanisms: ['LOGIN', 'XOAUTH2'],
    lineEnds: 'strict',
    maxMessageBytes,
    maxRecipients,
    limits: { maxConnections: 1000, maxConnectionsPerAddress: 1000, loginTimeoutMs: 180_000 },
    log: silentLog,
    idleTimeoutMs: 300_000,
    openSession: (connection) => new ExchangeSubmissionSession(connection, settings, byMailbox),
    onDefect: (error) => settings.onDefect(error),
    onRejected: () => {},
    onStalled: () => {},
  });
  return { port: server.port, close: () => server.close(100) };
}
