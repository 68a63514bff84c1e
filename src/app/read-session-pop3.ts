import { type Pop3Code, Pop3Reply } from '../pop3/reply.ts';
import { servePop3 } from '../pop3/serve.ts';
import type { HandedOver, Pop3Login, Pop3Session } from '../pop3/session.ts';
import type { SaslCredentials, SaslMechanism } from '../sasl/server-exchange.ts';
import { join } from './read-session-join.ts';
import { listenForReaders, type ReadConnection, type ReadListener } from './read-session-listener.ts';
import {
  type LoggedIn,
  logIn,
  mechanismsOffered,
  openForClient,
  ReadLoginError,
  type ReadRefusal,
  type ReadSessionOptions,
} from './read-session-login.ts';

const maxLineBytes = 8 * 1024;
const maxFailedLogins = 5;

/**
 * Listens for POP3 clients: logs them in and opens their mailbox upstream. Over POP3 everything is passed through;
 * over IMAP the session is translated.
 */
export function listenPop3(options: ReadSessionOptions): Promise<ReadListener> {
  return listenForReaders(
    options,
    (connection) => serveConnection(options, connection),
    (why) => `-ERR [SYS/TEMP] ${why}\r\n`,
  );
}

async function serveConnection(options: ReadSessionOptions, connection: ReadConnection): Promise<void> {
  const { limits, log } = options;
  await servePop3(connection.socket, {
    greeting: `${options.name} POP3 ready`,
    secure: connection.secure,
    ...(connection.startTls && { startTls: connection.startTls }),
    session: new BridgePop3Session(options, connection),
    limits: { ...limits, maxLineBytes, maxFailedLogins },
    log,
    signal: connection.closing,
  });
}

/** The login of a POP3 client. */
class BridgePop3Session implements Pop3Session {
  readonly #options: ReadSessionOptions;
  readonly #connection: ReadConnection;
  readonly #gone = new AbortController();

  constructor(options: ReadSessionOptions, connection: ReadConnection) {
    this.#options = options;
    this.#connection = connection;
    connection.socket.once('close', () => this.#gone.abort());
  }

  capabilities({ secure }: { readonly secure: boolean }): readonly string[] {
    const mechanisms = this.mechanisms(secure);
    return [
      'TOP',
      'UIDL',
      'RESP-CODES',
      'AUTH-RESP-CODE',
      'PIPELINING',
      ...(this.#connection.startTls !== undefined && !secure ? ['STLS'] : []),
      ...(mechanisms.length > 0 ? ['USER', `SASL ${mechanisms.join(' ')}`] : []),
      'IMPLEMENTATION mailbridge',
    ];
  }

  mechanisms(secure: boolean): readonly SaslMechanism[] {
    return mechanismsOffered(this.#connection, secure, this.#options.allowInsecureAuth);
  }

  takesInitialResponse(): boolean {
    return true;
  }

  async authenticate(credentials: SaslCredentials): Promise<Pop3Login> {
    try {
      const client = await logIn(this.#options, this.#connection, 'pop3', credentials);
      return client.account.read === 'pop3' ? await this.#passThrough(client) : await this.#translate(client);
    } catch (error) {
      throw replyOf(error);
    }
  }

  async #passThrough(client: LoggedIn): Promise<Pop3Login> {
    const { limits, openUpstream } = this.#options;
    const { account, log } = client;
    const { signal } = this.#gone;
    const upstream = await openForClient(client, signal, () => openUpstream(account, signal));
    const { closing } = this.#connection;
    return {
      kind: 'hand-over',
      async take(handedOver: HandedOver) {
        log.info({ username: account.username, mailbox: account.mailbox }, 'mailbox opened');
        const result = await join(handedOver, upstream, { idleTimeoutMs: limits.idleTimeoutMs, closing });
        log.info(result, 'mailbox closed');
      },
      abandon: () => void upstream.socket.destroy(),
    };
  }

  async #translate(client: LoggedIn): Promise<Pop3Login> {
    const { account, log } = client;
    const { signal } = this.#gone;
    const store = await openForClient(client, signal, () => this.#options.openMaildrops(account, signal));
    log.info({ username: account.username, mailbox: account.mailbox, over: 'imap' }, 'mailbox opened');
    return {
      kind: 'store',
      store: {
        open: (folder, options) => store.open(folder, options),
        async close() {
          await store.close();
          log.info('mailbox closed');
        },
      },
    };
  }

  closed(): void {
    this.#gone.abort();
  }
}

/** Response codes of RFC 2449 and RFC 3206. */
const codes: Readonly<Record<ReadRefusal, Pop3Code>> = {
  wrong: 'AUTH',
  busy: 'SYS/TEMP',
  blocked: 'LOGIN-DELAY',
  'other-mailbox': 'AUTH',
  'no-reading': 'SYS/PERM',
  'other-protocol': 'SYS/PERM',
  'too-many': 'IN-USE',
  temporary: 'SYS/TEMP',
  admin: 'SYS/PERM',
};

function replyOf(error: unknown): unknown {
  if (!(error instanceof ReadLoginError)) return error;
  const bye = error.refusal === 'blocked';
  return new Pop3Reply(error.message, { code: codes[error.refusal], cause: error, bye });
}
