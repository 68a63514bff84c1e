import type { Socket } from 'node:net';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';
import { errorText } from '../base/errors.ts';
import type { SaslMechanism } from '../sasl/server-exchange.ts';
import { SubmissionConnection, type SubmissionServerEvents } from './connection.ts';
import { submissionHandlers } from './handlers.ts';
import type { SmtpConnectionInfo, SmtpSession } from './session.ts';

/** Certificate and key (PEM) and what of TLS is accepted. */
export interface SmtpTlsMaterial {
  readonly cert: string | Buffer;
  readonly key: string | Buffer;
  readonly minVersion?: 'TLSv1' | 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3';
  /** OpenSSL cipher list. */
  readonly ciphers?: string;
}

export interface SmtpServerSettings {
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  readonly security: 'none' | 'starttls' | 'tls';
  /** Needed unless `security` is `none`. */
  readonly tls?: SmtpTlsMaterial;
  /** Name in the greeting and at EHLO. */
  readonly name: string;
  /** Text after the name in the greeting. */
  readonly banner?: string;
  readonly mechanisms: readonly SaslMechanism[];
  readonly maxMessageBytes: number;
  readonly maxRecipients: number;
  readonly maxConnections: number;
  /** How long a client may say nothing; RFC 5321 section 4.5.3.2 asks for five minutes. */
  readonly idleTimeoutMs: number;
  /** Called once for each connection before the greeting; may throw an SmtpReply to turn it away. */
  openSession(connection: SmtpConnectionInfo): SmtpSession;
  /** Told of everything a session throws that is no SmtpReply. */
  onDefect(error: unknown, connection: SmtpConnectionInfo): void;
  /** Told of clients that failed outside a session: a broken TLS handshake, one connection too many. */
  onTurnedAway(remoteAddress: string, why: string): void;
  /** Told of clients that were cut because they did not take their replies. */
  onStalled(remoteAddress: string): void;
}

/** A listening SMTP server. */
export interface SmtpServer {
  readonly port: number;
  /** For connections from now on. */
  updateTls(material: SmtpTlsMaterial): void;
  /** Connections open now. */
  connections(): number;
  /** Stops accepting; resolves when every connection has ended or, after `graceMs`, has been cut with a 421. */
  close(graceMs: number): Promise<void>;
}

class SubmissionServer extends SMTPServer implements SubmissionServerEvents {
  readonly #settings: SmtpServerSettings;

  constructor(settings: SmtpServerSettings) {
    super(libraryOptions(settings));
    this.#settings = settings;
  }

  turnedAway(remoteAddress: string, why: string): void {
    this.#settings.onTurnedAway(remoteAddress, why);
  }

  stalled(remoteAddress: string): void {
    this.#settings.onStalled(remoteAddress);
  }

  override connect(socket: Socket, socketOptions?: object): void {
    const connection = new SubmissionConnection(this, socket, socketOptions ?? {});
    this.connections.add(connection);
    // The peer is gone or broke TLS: nobody is left to get a reply, and closed() follows.
    connection.on('error', (error) => {
      this.turnedAway(connection.remoteAddress, errorText(error));
      connection.close();
    });
    connection.init();
  }
}

/**
 * Listens for SMTP submission (RFC 5321, RFC 6409) with PIPELINING, 8BITMIME, SMTPUTF8, ENHANCEDSTATUSCODES, DSN
 * and SIZE. Rejects with the system's error (`EADDRINUSE` …) when the port cannot be had.
 */
export function listenSmtp(settings: SmtpServerSettings): Promise<SmtpServer> {
  const server = new SubmissionServer(settings);
  // TLS from the first byte that failed ends here; the client sees its own alert.
  server.on('error', (error: Error & { readonly meta?: { readonly remoteAddress?: string } }) => {
    settings.onTurnedAway(error.meta?.remoteAddress ?? 'unknown', errorText(error));
  });
  return new Promise((resolve, reject) => {
    server.server.once('error', reject);
    server.listen(settings.port, settings.host, () => {
      server.server.off('error', reject);
      const address = server.server.address();
      resolve({
        port: typeof address === 'object' && address ? address.port : settings.port,
        updateTls: (material) => server.updateSecureContext(tlsOptions(material)),
        connections: () => server.connections.size,
        close: (graceMs) => closeServer(server, graceMs),
      });
    });
  });
}

function libraryOptions(settings: SmtpServerSettings): SMTPServerOptions {
  return {
    ...(settings.tls ? tlsOptions(settings.tls) : {}),
    ...submissionHandlers(settings),
    name: settings.name,
    ...(settings.banner === undefined ? {} : { banner: settings.banner }),
    heloResponse: '%s Hello %s',
    secure: settings.security === 'tls',
    disabledCommands: settings.security === 'starttls' ? [] : ['STARTTLS'],
    hideENHANCEDSTATUSCODES: false,
    hideDSN: false,
    authMethods: [...settings.mechanisms],
    // The session decides, per connection; see SubmissionConnection.
    authOptional: true,
    allowInsecureAuth: true,
    size: settings.maxMessageBytes,
    maxRecipients: settings.maxRecipients,
    maxClients: settings.maxConnections,
    socketTimeout: settings.idleTimeoutMs,
    disableReverseLookup: true,
    logger: false,
    noDelay: true,
    keepAlive: true,
  };
}

function tlsOptions(material: SmtpTlsMaterial) {
  return {
    cert: material.cert,
    key: material.key,
    minVersion: material.minVersion ?? ('TLSv1.2' as const),
    ...(material.ciphers === undefined ? {} : { ciphers: material.ciphers }),
  };
}

function closeServer(server: SubmissionServer, graceMs: number): Promise<void> {
  server.options.closeTimeout = Math.max(1, graceMs);
  return new Promise((resolve) => {
    // Connections first: once the server closes, the library answers every further command with 421.
    for (const connection of [...server.connections]) (connection as SubmissionConnection).closeIfIdle();
    server.close(() => resolve());
  });
}
