import type { Presence } from '../base/sockets/presence.ts';
import { type Client, type Listener, listen } from '../listeners/listener.ts';
import { type Pop3Code, Pop3Reply } from '../pop3/reply.ts';
import { servePop3 } from '../pop3/serve.ts';
import type { Pop3Login, Pop3Session } from '../pop3/session.ts';
import type { SaslCredentials, SaslMechanism } from '../sasl/server-exchange.ts';
import {
  type LoggedIn,
  logIn,
  mechanismsOffered,
  openForClient,
  ReadLoginError,
  type ReadRefusal,
  type ReadSessionOptions,
} from './login.ts';
import { passThrough } from './pass-through.ts';

const maxLineBytes = 8 * 1024;
const maxFailedLogins = 5;
const rejected = 'Too many connections, try again later.';

/**
 * Listens for POP3 clients: logs them in and opens their mailbox upstream. Over POP3 everything is passed through;
 * over IMAP the session is translated.
 */
export function listenPop3(options: ReadSessionOptions): Promise<Listener> {
  return listen(options, {
    name: 'pop3',
    rejection: () => `-ERR [SYS/TEMP] ${rejected}\r\n`,
    serve: (client) => serveClient(options, client),
  });
}

function serveClient(options: ReadSessionOptions, connection: Client): Promise<void> {
  const { limits } = options;
  const log = options.log.child({ protocol: 'pop3', session: connection.id, client: connection.remoteAddress });
  return servePop3(connection.socket, {
    greeting: `${options.name} POP3 ready`,
    secure: connection.secure,
    ...(connection.startTls && { startTls: connection.startTls }),
    session: new BridgePop3Session(options, connection),
    limits: { ...limits, loginTimeoutMs: connection.loginMsLeft(), maxLineBytes, maxFailedLogins },
    log,
    signal: connection.closing,
  });
}

/** The login of a POP3 client. */
class BridgePop3Session implements Pop3Session {
  readonly #options: ReadSessionOptions;
  readonly #connection: Client;

  constructor(options: ReadSessionOptions, connection: Client) {
    this.#options = options;
    this.#connection = connection;
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
      ...(mechanisms.includes('LOGIN') ? ['USER'] : []),
      ...(mechanisms.length > 0 ? [`SASL ${mechanisms.join(' ')}`] : []),
      'IMPLEMENTATION mailbridge',
    ];
  }

  mechanisms(secure: boolean): readonly SaslMechanism[] {
    return mechanismsOffered(this.#connection, secure, this.#options);
  }

  takesInitialResponse(): boolean {
    return true;
  }

  async authenticate(credentials: SaslCredentials, _: string, presence: Presence): Promise<Pop3Login> {
    try {
      const client = await logIn(this.#options, this.#connection, 'pop3', credentials);
      const goOn = client.account.read === 'pop3' ? this.#passThrough : this.#translate;
      return await goOn.call(this, client, presence);
    } catch (error) {
      throw replyOf(error);
    }
  }

  async #passThrough(client: LoggedIn, presence: Presence): Promise<Pop3Login> {
    const upstream = await openForClient(this.#options, presence, client, (gone) =>
      this.#options.openUpstream(client.account, gone),
    );
    return passThrough(this.#options, this.#connection, client, upstream);
  }

  async #translate(client: LoggedIn, presence: Presence): Promise<Pop3Login> {
    const { log, openMaildrops } = this.#options;
    const { account, facts, leave } = client;
    const store = await openForClient(this.#options, presence, client, () => openMaildrops(account, presence));
    return {
      kind: 'store',
      store: {
        // The inbox is opened with the login: where that fails, the login has failed.
        open: (folder, options) =>
          openForClient(this.#options, presence, client, () => store.open(folder, options)).then(
            (opened) => {
              log.info({ ...facts, over: 'imap' }, 'mailbox opened');
              return opened;
            },
            (error: unknown) => Promise.reject(replyOf(error)),
          ),
        async close() {
          leave();
          await store.close();
          log.info(facts, 'mailbox closed');
        },
      },
    };
  }

  closed(): void {}
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
  'sign-in': 'SYS/PERM',
  admin: 'SYS/PERM',
};

function replyOf(error: unknown): unknown {
  if (!(error instanceof ReadLoginError)) return error;
  const bye = error.refusal === 'blocked';
  return new Pop3Reply(error.message, { code: codes[error.refusal], cause: error, bye });
}
