import { sourceNetwork } from '../../accounts/networks.ts';
import type { Clock } from '../../base/clock.ts';
import type { Log } from '../../base/log.ts';
import { logRepeated } from '../../base/repeated-lines.ts';
import type { Config, ListenerConfig } from '../../config/schema.ts';
import { type ListenerOptions, listen } from '../../listeners/listener.ts';
import { smtpProtocol } from '../../listeners/smtp-listener.ts';
import type { Queue } from '../../queue/queue.ts';
import type { imapProtocol } from '../../reading/imap.ts';
import type { pop3Protocol } from '../../reading/pop3.ts';
import type { SmtpServerSettings } from '../../smtp/settings.ts';
import type { DuplicateFilter } from '../../submission/duplicate-filter.ts';
import type { BridgeState, OpenListener } from '../bridge-state.ts';
import type { ListenerTls } from '../listener-certificates.ts';
import type { Observation } from '../observing/observation.ts';
import type { SentCopies } from '../sent-copies.ts';
import { smtpDefect, submissionSessions } from '../submission-sessions.ts';
import type { BridgeReading } from '../workers/reading.ts';

export interface ListenerParts {
  readonly listener: ListenerConfig;
  readonly tls?: ListenerTls;
  /** The limits at the start. */
  readonly limits: Config['limits'];
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

/** A listener that can change without closing its port. */
export interface ChangeableListener extends OpenListener {
  /** The configuration in force for new clients. */
  readonly config: ListenerConfig;
  /** Serves new clients as another configuration says. */
  change(parts: ListenerParts): void;
  /** Accepts nobody any more; connected clients continue. */
  leave(): void;
}

const readers: { imap?: typeof imapProtocol; pop3?: typeof pop3Protocol } = {};

/**
 * Loads the protocols of these listeners, before the first of them opens or changes: a protocol that no listener uses
 * costs nothing.
 */
export async function loadProtocols(listeners: Config['listeners']): Promise<void> {
  const spoken = new Set(listeners.map(({ protocol }) => protocol));
  if (spoken.has('imap')) readers.imap ??= (await import('../../reading/imap.ts')).imapProtocol;
  if (spoken.has('pop3')) readers.pop3 ??= (await import('../../reading/pop3.ts')).pop3Protocol;
}

/**
 * Opens one listener of the configuration, after {@link loadProtocols}. Rejects with the system's error if the port is
 * not available.
 */
export async function openListener(parts: ListenerParts): Promise<ChangeableListener> {
  let { listener: config } = parts;
  const opened = await listen(...serving(parts));
  return {
    ...opened,
    get config() {
      return config;
    },
    get protocol() {
      return config.protocol;
    },
    get host() {
      return config.host;
    },
    get security() {
      return config.security;
    },
    change(next) {
      opened.change(...serving(next));
      config = next.listener;
    },
  };
}

type Serving = Parameters<typeof listen>;

/** How the clients of a listener are served. */
function serving(parts: ListenerParts): Serving {
  const { protocol } = parts.listener;
  if (protocol === 'smtp') return smtpServing(parts);
  const { reading, observation } = parts;
  const settings = reading.settings(parts.listener, protocol, parts.tls);
  const options = {
    ...reading.sessions(settings),
    onClient: (what: 'accepted' | 'rejected') => observation.client(protocol, what),
    onTraffic: (received: number, sent: number) => observation.traffic(protocol, received, sent),
  };
  const protocolOf = readers[protocol];
  if (!protocolOf) throw new Error(`nothing was loaded that speaks ${protocol}`);
  return [options, protocolOf(options), reading.elsewhere(settings)];
}

const loginTimeoutMs = 3 * 60_000;

function smtpServing(parts: ListenerParts): Serving {
  const { listener, log, limits } = parts;
  const { maxConnections, maxConnectionsPerAddress } = limits;
  const options: ListenerOptions & SmtpServerSettings = {
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
    onTraffic: (received, sent) => parts.observation.traffic('smtp', received, sent),
    onDefect: smtpDefect(log),
    onRejected: (client, text) => logOfStranger(log, 'info', client, { text }, 'connection rejected'),
    onStalled: (client) =>
      logOfStranger(log, 'warn', client, {}, 'client does not read its replies: connection closed'),
  };
  return [options, smtpProtocol(options)];
}

function logOfStranger(log: Log, level: 'info' | 'warn', client: string, facts: object, text: string): void {
  logRepeated(log, level, `smtp ${sourceNetwork(client)} ${text}`, { protocol: 'smtp', client, ...facts }, text);
}
