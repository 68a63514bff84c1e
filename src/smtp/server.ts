import { SMTPServer, type SMTPServerOptions } from 'smtp-server';
import { errorText } from '../base/errors.ts';
import type { SmtpClient } from './client.ts';
import { SubmissionConnection } from './connection.ts';
import type { SubmissionServerEvents } from './guarded-connection.ts';
import { submissionHandlers } from './handlers.ts';
import type { SmtpServerSettings } from './settings.ts';

/** Serves SMTP to clients that a listener has accepted. */
export interface SmtpServer {
  serve(client: SmtpClient): void;
  /** Connections open now. */
  connections(): number;
  /** Ends idle connections with a 421 and busy ones as soon as they are done; the rest after `graceMs`. */
  shutDown(graceMs: number): void;
}

class SubmissionServer extends SMTPServer implements SubmissionServerEvents {
  readonly #settings: SmtpServerSettings;

  constructor(settings: SmtpServerSettings) {
    super(libraryOptions(settings));
    this.#settings = settings;
  }

  get lineEnds(): 'lenient' | 'strict' {
    return this.#settings.lineEnds ?? 'lenient';
  }

  get wrongEndWaitMs(): number | undefined {
    return this.#settings.wrongEndWaitMs;
  }

  rejected(remoteAddress: string, why: string): void {
    this.#settings.onRejected(remoteAddress, why);
  }

  stalled(remoteAddress: string): void {
    this.#settings.onStalled(remoteAddress);
  }

  serve(client: SmtpClient): void {
    const connection = new SubmissionConnection(this, client);
    this.connections.add(connection);
    // The peer is gone or broke TLS: nobody is left to get a reply, and closed() follows.
    connection.on('error', (error) => {
      this.rejected(connection.remoteAddress, errorText(error));
      connection.close();
    });
    connection.init();
  }

  shutDown(graceMs: number): void {
    const open = [...this.connections] as SubmissionConnection[];
    for (const connection of open) connection.closeIfIdle();
    // From now on the library answers every further command with 421.
    this._closeTimeout = setTimeout(() => {
      for (const connection of this.connections) connection.send(421, '4.3.2 Service is shutting down');
    }, graceMs).unref();
  }
}

/**
 * Serves SMTP submission (RFC 5321, RFC 6409) with PIPELINING, 8BITMIME, SMTPUTF8, ENHANCEDSTATUSCODES, DSN and SIZE.
 */
export function createSmtpServer(settings: SmtpServerSettings): SmtpServer {
  const server = new SubmissionServer(settings);
  return {
    serve: (client) => server.serve(client),
    connections: () => server.connections.size,
    shutDown: (graceMs) => server.shutDown(graceMs),
  };
}

function libraryOptions(settings: SmtpServerSettings): SMTPServerOptions {
  return {
    ...submissionHandlers(settings),
    name: settings.name,
    ...(settings.banner === undefined ? {} : { banner: settings.banner }),
    heloResponse: '%s Hello %s',
    // The listener does TLS; the library only has to know about it.
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
    socketTimeout: settings.idleTimeoutMs,
    disableReverseLookup: true,
    logger: false,
  };
}
