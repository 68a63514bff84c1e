import type { Presence } from '../base/sockets/presence.ts';
import { ImapReply } from '../imap/reply.ts';
import { serveImap } from '../imap/serve.ts';
import type { ImapLogin, ImapSession } from '../imap/session.ts';
import { type Client, type Listener, listen } from '../listeners/listener.ts';
import type { SaslCredentials, SaslMechanism } from '../sasl/server-exchange.ts';
import {
  logIn,
  mechanismsOffered,
  openForClient,
  ReadLoginError,
  type ReadRefusal,
  type ReadSessionOptions,
} from './login.ts';
import { passThrough } from './pass-through.ts';

/** An ID command may have 30 fields of 30 and 1,024 octets (RFC 2971 section 3.3), each of which may have to be escaped. */
const maxCommandBytes = 64 * 1024;
const maxFailedLogins = 5;
const rejected = 'Too many connections, try again later.';

/**
 * What Exchange Online, too, lists before login. Clients that never look again, Python's imaplib among them, use nothing
 * else later; the OK to the login tells the others what is really there.
 */
const expectedAfterLogin = ['IDLE', 'UIDPLUS', 'UNSELECT', 'NAMESPACE', 'CHILDREN'];

/** Listens for IMAP clients: logs them in, opens their mailbox upstream, and passes everything through. */
export function listenImap(options: ReadSessionOptions): Promise<Listener> {
  return listen(options, {
    name: 'imap',
    rejection: () => `* BYE ${rejected}\r\n`,
    serve: (client) => serveClient(options, client),
  });
}

function serveClient(options: ReadSessionOptions, connection: Client): Promise<void> {
  const { limits } = options;
  const log = options.log.child({ protocol: 'imap', session: connection.id, client: connection.remoteAddress });
  const { secure } = connection;
  const session = new PassThroughImapSession(options, connection);
  return serveImap(connection.socket, {
    // Those of this moment, which saves the client a question (RFC 9051 section 7.1).
    greeting: `[CAPABILITY ${session.capabilities({ secure }).join(' ')}] ${options.name} IMAP4rev1 ready`,
    secure,
    ...(connection.startTls && { startTls: connection.startTls }),
    session,
    limits: { ...limits, loginTimeoutMs: connection.loginMsLeft(), maxCommandBytes, maxFailedLogins },
    log,
    signal: connection.closing,
  });
}

/** The login of a client whose session goes on upstream. */
class PassThroughImapSession implements ImapSession {
  readonly #options: ReadSessionOptions;
  readonly #connection: Client;

  constructor(options: ReadSessionOptions, connection: Client) {
    this.#options = options;
    this.#connection = connection;
  }

  capabilities({ secure }: { readonly secure: boolean }): readonly string[] {
    const mechanisms = this.mechanisms(secure);
    return [
      'IMAP4rev1',
      'LITERAL+',
      'ID',
      ...expectedAfterLogin,
      ...(this.#connection.startTls !== undefined && !secure ? ['STARTTLS'] : []),
      ...(mechanisms.length > 0 ? ['SASL-IR', ...mechanisms.map((name) => `AUTH=${name}`)] : []),
      ...(mechanisms.includes('LOGIN') ? [] : ['LOGINDISABLED']),
    ];
  }

  mechanisms(secure: boolean): readonly SaslMechanism[] {
    return mechanismsOffered(this.#connection, secure, this.#options);
  }

  identify(): ReadonlyMap<string, string> {
    return new Map([['name', 'mailbridge']]);
  }

  async authenticate(credentials: SaslCredentials, _: string, presence: Presence): Promise<ImapLogin> {
    try {
      const client = await logIn(this.#options, this.#connection, 'imap', credentials);
      const upstream = await openForClient(this.#options, presence, client, (gone) =>
        this.#options.openUpstream(client.account, gone),
      );
      return {
        ...passThrough(this.#options, this.#connection, client, upstream),
        capabilities: upstream.capabilities && offeredAfterLogin(upstream.capabilities),
      };
    } catch (error) {
      throw replyOf(error);
    }
  }

  closed(): void {}
}

/** What concerns the login is over; logging in once more (RFC 8437) would give the client's password to the upstream. */
const endsWithLogin = /^(?:STARTTLS|AUTH=.*|SASL-IR|LOGINDISABLED|LOGIN-REFERRALS|UNAUTHENTICATE)$/i;

/** @returns of what the upstream offers what a client can use whose login is done; undefined if it is nothing */
function offeredAfterLogin(capabilities: string): string | undefined {
  const offered = capabilities.split(' ').filter((name) => name !== '' && !endsWithLogin.test(name));
  return offered.length > 0 ? offered.join(' ') : undefined;
}

/** Response codes of RFC 5530, and the one of RFC 3501 whose text a mail program has to show. */
const codes: Readonly<Record<ReadRefusal, string>> = {
  wrong: 'AUTHENTICATIONFAILED',
  busy: 'UNAVAILABLE',
  blocked: 'UNAVAILABLE',
  'other-mailbox': 'AUTHORIZATIONFAILED',
  'no-reading': 'NOPERM',
  'other-protocol': 'CANNOT',
  'too-many': 'LIMIT',
  temporary: 'UNAVAILABLE',
  'sign-in': 'ALERT',
  admin: 'CONTACTADMIN',
};

function replyOf(error: unknown): unknown {
  if (!(error instanceof ReadLoginError)) return error;
  const bye = error.refusal === 'blocked';
  return new ImapReply('NO', error.message, { code: codes[error.refusal], cause: error, bye });
}
