import { sourceNetwork } from '../accounts/networks.ts';
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import { logRepeated } from '../base/repeated-lines.ts';
import type { ListenerConfig } from '../config/schema.ts';
import { listenSmtp } from '../listeners/smtp-listener.ts';
import type { Queue } from '../queue/queue.ts';
import type { DuplicateFilter } from '../submission/duplicate-filter.ts';
import type { BridgeState, OpenListener } from './bridge-state.ts';
import type { ListenerTls } from './listener-certificates.ts';
import type { Observation } from './observing/observation.ts';
import type { SentCopies } from './sent-copies.ts';
import { smtpDefect, submissionSessions } from './submission-sessions.ts';
import type { BridgeReading } from './workers/reading.ts';

export interface ListenerParts {
  readonly listener: ListenerConfig;
  readonly tls?: ListenerTls;
  readonly hostname: string;
  readonly queue: Queue;
  readonly copies: SentCopies;
  readonly clock: Clock;
  readonly log: Log;
  readonly duplicates: DuplicateFilter;
  readonly reading: BridgeReading;
  readonly observation: Observation;
  state(): BridgeState;
}

/** Opens one listener of the configuration. Rejects with the system's error when the port cannot be had. */
export async function openListener(parts: ListenerParts): Promise<OpenListener> {
  const { listener } = parts;
  const opened = await openers[listener.protocol](parts);
  const { protocol, host, security } = listener;
  return { protocol, host, security, ...opened };
}

type Opened = Pick<OpenListener, 'port' | 'clients' | 'updateTls' | 'close'>;

const openers: Readonly<Record<ListenerConfig['protocol'], (parts: ListenerParts) => Promise<Opened>>> = {
  smtp: openSmtp,
  imap: async (parts) => {
    const { listenImap } = await import('../reading/imap.ts');
    return listenImap(readingSessions(parts, 'imap'), parts.reading.elsewhere(parts.listener));
  },
  pop3: async (parts) => {
    const { listenPop3 } = await import('../reading/pop3.ts');
    return listenPop3(readingSessions(parts, 'pop3'), parts.reading.elsewhere(parts.listener));
  },
};

function readingSessions({ listener, reading, observation }: ListenerParts, protocol: 'imap' | 'pop3') {
  return {
    ...reading.sessions(listener, protocol),
    onClient: (what: 'accepted' | 'rejected') => observation.client(protocol, what),
  };
}

const loginTimeoutMs = 3 * 60_000;

function openSmtp(parts: ListenerParts): Promise<Opened> {
  const { listener, log, state } = parts;
  const { limits } = state().config;
  const { maxConnections, maxConnectionsPerAddress } = limits;
  return listenSmtp({
    host: listener.host,
    port: listener.port,
    security: listener.security,
    ...(parts.tls ? { tls: parts.tls } : {}),
    ...(listener.proxyProtocol && { proxyProtocol: listener.proxyProtocol }),
    name: parts.hostname,
    banner: 'mailbridge',
    mechanisms: ['PLAIN', 'LOGIN', ...(listener.cramMd5 ? (['CRAM-MD5'] as const) : [])],
    lineEnds: listener.lineEnds,
    maxMessageBytes: Math.floor(limits.maxMessageMegabytes * 1024 * 1024),
    maxRecipients: limits.maxRecipients,
    limits: { maxConnections, maxConnectionsPerAddress, loginTimeoutMs },
    log,
    idleTimeoutMs: limits.idleTimeoutSeconds * 1000,
    openSession: submissionSessions({
      ...parts,
      allowInsecureAuth: listener.allowInsecureAuth,
      offersStartTls: listener.security === 'starttls',
    }),
    onClient: (what) => parts.observation.client('smtp', what),
    onDefect: smtpDefect(log),
    onTurnedAway: (client, text) => logOfStranger(log, 'info', client, { text }, 'connection rejected'),
    onStalled: (client) =>
      logOfStranger(log, 'warn', client, {}, 'client does not read its replies: connection closed'),
  });
}

function logOfStranger(log: Log, level: 'info' | 'warn', client: string, facts: object, text: string): void {
  logRepeated(log, level, `smtp ${sourceNetwork(client)} ${text}`, { protocol: 'smtp', client, ...facts }, text);
}
