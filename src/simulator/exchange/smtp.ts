import { silentLog } from '../../base/log.ts';
import { listenSmtp } from '../../listeners/smtp-listener.ts';
import type { SendingLimits } from '../delivery/sending-limits.ts';
import type { Transport } from '../delivery/transport.ts';
import type { TokenSigner } from '../entra/access-token.ts';
import type { Faults } from '../faults.ts';
import type { Listening } from '../http/http-server.ts';
import type { MailboxDirectory } from '../mailboxes/mailbox-directory.ts';
import type { Tenant } from '../tenant/tenant.ts';
import { frontEndName } from './front-end.ts';
import { ExchangeSubmissionSession } from './submission-session.ts';

export interface ExchangeSmtpSettings {
  readonly host: string;
  readonly port: number;
  readonly tls: { readonly cert: string; readonly key: string };
  readonly tenant: Tenant;
  readonly signer: TokenSigner;
  readonly directory: MailboxDirectory;
  readonly transport: Transport;
  readonly limits: SendingLimits;
  readonly faults: Faults;
  /** Connections at a time per mailbox. */
  readonly connectionsPerMailbox: number;
  onDefect(error: unknown): void;
}

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
    // LOGIN is offered as Exchange does, and refused: basic authentication is off.
    mechanisms: ['LOGIN', 'XOAUTH2'],
    lineEnds: 'strict',
    maxMessageBytes,
    maxRecipients,
    limits: { maxConnections: 1000, maxConnectionsPerAddress: 1000, loginTimeoutMs: 180_000 },
    log: silentLog,
    idleTimeoutMs: 300_000,
    openSession: (connection) => new ExchangeSubmissionSession(connection, settings, byMailbox),
    onDefect: (error) => settings.onDefect(error),
    onTurnedAway: () => {},
    onStalled: () => {},
  });
  return { port: server.port, close: () => server.close(100) };
}
