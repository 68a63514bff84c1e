import type { SMTPConnectionCustomAuthContext } from 'nodemailer/lib/smtp-connection';
import { encodeXoauth2 } from '../../sasl/xoauth2.ts';
import { assertProtected, type ExchangeEndpoint, secureContextOf } from '../endpoint.ts';
import { ParameterConnection } from './connection.ts';
import { runStep } from './step.ts';
import { runTransaction, type SmtpTransaction, type SmtpTransactionResult } from './transaction.ts';

/** Options for opening sessions. */
export interface SmtpSessionOptions {
  readonly endpoint: ExchangeEndpoint;
  /** PEM certificates trusted in addition to the system's. */
  readonly extraCa?: string;
  /** The name in EHLO; default the host name or `[127.0.0.1]`. */
  readonly clientName?: string;
  /** From name resolution to the end of STARTTLS; default 30,000. */
  readonly connectTimeoutMs?: number;
  /**
   * Maximum silence of the server, including the wait for the last reply; default 600,000 (RFC 5321 section 4.5.3.2.6).
   */
  readonly silenceTimeoutMs?: number;
}

const quitTimeoutMs = 1_000;

/**
 * Name of our login handler in nodemailer. Not XOAUTH2: if nodemailer has no token source of its own, it skips a
 * handler of that name in favour of LOGIN, which Exchange offers first.
 */
const loginHandler = 'XOAUTH2-GIVEN-TOKEN';

/** An authenticated SMTP session at the upstream, for one mailbox; one transaction at a time. */
export class UpstreamSmtpSession {
  readonly mailbox: string;
  /** Number of transactions begun. */
  transactions = 0;
  readonly #connection: ParameterConnection;
  #extensions: readonly string[] = [];
  #needsReset = false;

  private constructor(connection: ParameterConnection, mailbox: string) {
    this.#connection = connection;
    this.mailbox = mailbox;
  }

  /**
   * Connects, secures the connection and logs in with XOAUTH2 (Microsoft: "Authenticate an IMAP, POP or SMTP
   * connection using OAuth").
   * @throws SmtpUpstreamError with stage `connect` or `login`
   */
  static async open(
    options: SmtpSessionOptions,
    credentials: { readonly mailbox: string; readonly token: string },
    signal: AbortSignal,
  ): Promise<UpstreamSmtpSession> {
    assertProtected(options.endpoint);
    const offered: { extensions: readonly string[] } = { extensions: [] };
    const connection = new ParameterConnection(
      connectionOptions(options, async (context) => {
        offered.extensions = context.extensions;
        await authenticate(context, credentials);
      }),
    );
    // Without a listener, an error between two steps would end the process; the next step sees it anyway.
    connection.on('error', () => {});
    const session = new UpstreamSmtpSession(connection, credentials.mailbox);
    try {
      await runStep(connection, 'connect', signal, (done) => connection.connect(done));
      await runStep(connection, 'login', signal, (done) =>
        connection.login({ method: loginHandler, user: credentials.mailbox }, done),
      );
    } catch (error) {
      connection.close();
      throw error;
    }
    session.#extensions = offered.extensions;
    return session;
  }

  /** Whether the session can be used for another transaction, as far as is known. */
  get usable(): boolean {
    return !this.#connection.destroyed;
  }

  /** Whether the server announces an extension, such as `DSN` or `SMTPUTF8`. */
  offers(extension: string): boolean {
    return this.#extensions.includes(extension);
  }

  /**
   * Sends one message to the recipients of one transaction.
   * @returns the refused recipients; the others were accepted
   * @throws SmtpUpstreamError if the transaction failed as a whole; the session is closed if its state is unknown
   */
  async send(transaction: SmtpTransaction, signal: AbortSignal): Promise<SmtpTransactionResult> {
    this.transactions += 1;
    if (this.#needsReset) {
      await runStep(this.#connection, 'envelope', signal, (done) => this.#connection.reset(done));
    }
    this.#needsReset = true;
    const result = await runTransaction(this.#connection, this.#extensions, transaction, signal);
    this.#needsReset = result.response === undefined;
    return result;
  }

  /** Sends QUIT; the connection is closed when it resolves, within a second. */
  async quit(): Promise<void> {
    if (!this.usable) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(() => this.close(), quitTimeoutMs);
      this.#connection.once('end', () => {
        clearTimeout(timer);
        resolve();
      });
      this.#connection.quit();
    });
  }

  /** Drops the connection. */
  close(): void {
    this.#connection.close();
  }
}

/** Options for nodemailer's connection. */
export function connectionOptions(
  options: SmtpSessionOptions,
  authenticateWith: (context: SMTPConnectionCustomAuthContext) => Promise<void>,
) {
  const { endpoint } = options;
  const connectTimeoutMs = options.connectTimeoutMs ?? 30_000;
  return {
    host: endpoint.host,
    port: endpoint.port,
    secure: endpoint.security === 'tls',
    requireTLS: endpoint.security === 'starttls',
    ignoreTLS: endpoint.security === 'none',
    tls: { secureContext: secureContextOf(options.extraCa) },
    ...(options.clientName !== undefined && { name: options.clientName }),
    connectionTimeout: connectTimeoutMs,
    greetingTimeout: connectTimeoutMs,
    socketTimeout: options.silenceTimeoutMs ?? 600_000,
    maxResponseSize: 64 * 1024,
    customAuth: { [loginHandler]: authenticateWith },
  };
}

async function authenticate(
  context: SMTPConnectionCustomAuthContext,
  { mailbox, token }: { readonly mailbox: string; readonly token: string },
): Promise<void> {
  if (!context.authMethods.includes('XOAUTH2')) {
    throw new Error('The server does not offer AUTH XOAUTH2.');
  }
  const credentials = encodeXoauth2({ username: mailbox, accessToken: token });
  let reply = await context.sendCommand(`AUTH XOAUTH2 ${credentials.toString('base64')}`);
  // An error challenge: an empty answer to it brings the actual refusal.
  if (reply.status === 334) reply = await context.sendCommand('');
  if (reply.status !== 235) throw new Error('The server refused the token.');
}
