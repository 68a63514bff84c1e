import { sourceNetwork } from '../accounts/networks.ts';
import type { Clock } from '../base/clock.ts';
import { BridgeError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { logRepeated } from '../base/repeated-lines.ts';
import type { KeyedSemaphore } from '../base/semaphore.ts';
import type { ListenerConfig } from '../config/schema.ts';
import { listenSmtp } from '../listeners/smtp-listener.ts';
import type { Queue } from '../queue/queue.ts';
import { listenImap } from '../reading/imap.ts';
import type { ReadSessionOptions } from '../reading/login.ts';
import type { TranslatedMaildrops } from '../reading/maildrops.ts';
import { listenPop3 } from '../reading/pop3.ts';
import type { DuplicateFilter } from '../submission/duplicate-filter.ts';
import type { BridgeState, OpenListener } from './bridge-state.ts';
import type { Upstream } from './connections/upstream.ts';
import type { ListenerTls } from './listener-certificates.ts';
import { smtpDefect, submissionSessions } from './submission-sessions.ts';

export interface ListenerParts {
  readonly listener: ListenerConfig;
  readonly tls?: ListenerTls;
  readonly hostname: string;
  readonly queue: Queue;
  readonly clock: Clock;
  readonly log: Log;
  readonly duplicates: DuplicateFilter;
  readonly maildrops: TranslatedMaildrops;
  /** For each account and protocol, its sessions. */
  readonly accountPermits: KeyedSemaphore;
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

const openers: Readonly<Record<ListenerConfig['protocol'], (parts: ListenerParts) => Promise<Opened>>> = {
  smtp: openSmtp,
  imap: (parts) => listenImap(readSessions(parts, 'imap')),
  pop3: (parts) => listenPop3(readSessions(parts, 'pop3')),
};

const loginTimeoutMs = 3 * 60_000;
/** RFC 9051 section 5.4 and RFC 1939 section 3 allow no less than 30 and 10 minutes. */
const readIdleTimeoutMs = 31 * 60_000;

function readSessions(parts: ListenerParts, protocol: 'imap' | 'pop3'): ReadSessionOptions {
  const { listener, log, state } = parts;
  const { maxConnections, maxConnectionsPerAddress } = state().config.limits;
  return {
    host: listener.host,
    port: listener.port,
    security: listener.security,
    ...(parts.tls ? { tls: parts.tls } : {}),
    name: `${parts.hostname} mailbridge`,
    allowInsecureAuth: listener.allowInsecureAuth,
    cramMd5: listener.cramMd5,
    accountPermits: parts.accountPermits,
    limits: { maxConnections, maxConnectionsPerAddress, loginTimeoutMs, idleTimeoutMs: readIdleTimeoutMs },
    log,
    authenticate: (username, password, remoteAddress) =>
      state().directory.authenticate(username, password, remoteAddress),
    openUpstream: async ({ connection, mailbox }, signal) =>
      await upstreamOf(state(), connection).openMailbox(protocol, mailbox, signal),
    openMaildrops: async ({ connection, mailbox }, presence) =>
      await parts.maildrops.open(upstreamOf(state(), connection), mailbox, presence),
  };
}

function upstreamOf({ upstreams }: BridgeState, connection: string): Upstream {
  const upstream = upstreams.get(connection);
  if (upstream) return upstream;
  throw new BridgeError('connection-gone', `Connection ${connection} no longer exists.`);
}

function openSmtp(parts: ListenerParts): Promise<Opened> {
  const { listener, log, state } = parts;
  const { limits } = state().config;
  const { maxConnections, maxConnectionsPerAddress } = limits;
  return listenSmtp({
    host: listener.host,
    port: listener.port,
    security: listener.security,
    ...(parts.tls ? { tls: parts.tls } : {}),
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
    onDefect: smtpDefect(log),
    onTurnedAway: (client, text) => logOfStranger(log, 'info', client, { text }, 'connection rejected'),
    onStalled: (client) =>
      logOfStranger(log, 'warn', client, {}, 'client does not read its replies: connection closed'),
  });
}

function logOfStranger(log: Log, level: 'info' | 'warn', client: string, facts: object, text: string): void {
  logRepeated(log, level, `smtp ${sourceNetwork(client)} ${text}`, { protocol: 'smtp', client, ...facts }, text);
}
