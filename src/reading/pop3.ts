import type { Presence } from '../base/sockets/presence.ts';
import {
  type Client,
  type Listener,
  type ListenerProtocol,
  listen,
  type Reception,
  receive,
  type ServedElsewhere,
} from '../listeners/listener.ts';
import { type Pop3Code, Pop3Reply } from '../pop3/reply.ts';
import { servePop3 } from '../pop3/serve.ts';
import type { Pop3Login, Pop3Session } from '../pop3/session.ts';
import { type LoggedIn, openForClient, type ReadRefusal, type ReadSessionOptions } from './login.ts';
import { engineOptions, ReadSession, refusalReply, rejected } from './read-session.ts';

const maxLineBytes = 8 * 1024;

/**
 * Listens for POP3 clients, logs them in and opens their mailbox upstream. Over POP3 everything is passed through; over
 * IMAP the session is translated.
 */
export function listenPop3(options: ReadSessionOptions, elsewhere?: ServedElsewhere): Promise<Listener> {
  return listen(options, pop3Protocol(options), elsewhere);
}

/** Serves POP3 clients in the same way, accepted by a listener in another process. */
export function receivePop3(options: ReadSessionOptions): Reception {
  return receive(options, pop3Protocol(options));
}

/** Serves POP3 clients. */
export function pop3Protocol(options: ReadSessionOptions): ListenerProtocol {
  return {
    name: 'pop3',
    rejection: () => `-ERR [SYS/TEMP] ${rejected}\r\n`,
    serve: (client) => serveClient(options, client),
  };
}

function serveClient(options: ReadSessionOptions, client: Client): Promise<void> {
  const engine = engineOptions('pop3', options, client);
  return servePop3(client.socket, {
    ...engine,
    greeting: `${options.name} POP3 ready`,
    session: new BridgePop3Session(options, client),
    limits: { ...engine.limits, maxLineBytes },
  });
}

/** The login of a POP3 client. */
class BridgePop3Session extends ReadSession<Pop3Login> implements Pop3Session {
  protected override readonly protocol = 'pop3';

  capabilities({ secure }: { readonly secure: boolean }): readonly string[] {
    const mechanisms = this.mechanisms(secure);
    return [
      'TOP',
      'UIDL',
      'RESP-CODES',
      'AUTH-RESP-CODE',
      'PIPELINING',
      ...(this.offersTls(secure) ? ['STLS'] : []),
      ...(mechanisms.includes('LOGIN') ? ['USER'] : []),
      ...(mechanisms.length > 0 ? [`SASL ${mechanisms.join(' ')}`] : []),
      'IMPLEMENTATION mailbridge',
    ];
  }

  takesInitialResponse(): boolean {
    return true;
  }

  protected override open(loggedIn: LoggedIn, presence: Presence): Promise<Pop3Login> {
    if (loggedIn.account.read === 'pop3') return this.passThrough(loggedIn, presence);
    return this.#translate(loggedIn, presence);
  }

  protected override replyOf(error: unknown): unknown {
    return refusalReply(error, codes, (text, options) => new Pop3Reply(text, options));
  }

  async #translate(loggedIn: LoggedIn, presence: Presence): Promise<Pop3Login> {
    const { log, openMaildrops } = this.options;
    const { account, facts, leave } = loggedIn;
    const store = await openForClient(this.options, presence, loggedIn, () => openMaildrops(account, presence));
    return {
      kind: 'store',
      store: {
        // The inbox is opened during login: if that fails, the login fails.
        open: (folder, options) =>
          openForClient(this.options, presence, loggedIn, () => store.open(folder, options)).then(
            (opened) => {
              log.info({ ...facts, over: account.read }, 'mailbox opened');
              return opened;
            },
            (error: unknown) => Promise.reject(this.replyOf(error)),
          ),
        async close() {
          leave();
          await store.close();
          log.info(facts, 'mailbox closed');
        },
      },
    };
  }
}

/** Response codes of RFC 2449 and RFC 3206. */
const codes: Readonly<Record<ReadRefusal, Pop3Code>> = {
  wrong: 'AUTH',
  busy: 'SYS/TEMP',
  unavailable: 'SYS/TEMP',
  blocked: 'LOGIN-DELAY',
  'other-mailbox': 'AUTH',
  'no-reading': 'SYS/PERM',
  'other-protocol': 'SYS/PERM',
  'too-many': 'IN-USE',
  temporary: 'SYS/TEMP',
  'sign-in': 'SYS/PERM',
  admin: 'SYS/PERM',
};
