import type { Presence } from '../base/sockets/presence.ts';
import { engineCapabilities } from '../imap/capabilities.ts';
import { ImapReply } from '../imap/reply.ts';
import { serveImap } from '../imap/serve.ts';
import type { ImapLogin, ImapSession } from '../imap/session.ts';
import {
  type Client,
  type Listener,
  type ListenerProtocol,
  listen,
  type Reception,
  receive,
  type ServedElsewhere,
} from '../listeners/listener.ts';
import type { MailStore } from '../mailbox/mail-store.ts';
import { type LoggedIn, openForClient, type ReadRefusal, type ReadSessionOptions } from './login.ts';
import { engineOptions, ReadSession, refusalReply, rejected } from './read-session.ts';

/** An ID command may have 30 fields of 30 and 1,024 octets (RFC 2971 section 3.3), each of which may need escaping. */
const maxCommandBytes = 64 * 1024;

/**
 * Capabilities that Exchange Online also lists before login. Clients that never ask again, such as Python's imaplib,
 * use nothing else later; the OK to the login tells other clients what is available.
 */
const expectedAfterLogin = ['IDLE', 'UIDPLUS', 'UNSELECT', 'NAMESPACE', 'CHILDREN'];

/**
 * Listens for IMAP clients. Logs them in, opens their mailbox upstream, and passes everything through; or serves a
 * mailbox behind Graph.
 */
export function listenImap(options: ReadSessionOptions, elsewhere?: ServedElsewhere): Promise<Listener> {
  return listen(options, imapProtocol(options), elsewhere);
}

/** Serves IMAP clients in the same way, accepted by a listener in another process. */
export function receiveImap(options: ReadSessionOptions): Reception {
  return receive(options, imapProtocol(options));
}

/** Serves IMAP clients. */
export function imapProtocol(options: ReadSessionOptions): ListenerProtocol {
  return {
    name: 'imap',
    rejection: () => `* BYE ${rejected}\r\n`,
    serve: (client) => serveClient(options, client),
  };
}

function serveClient(options: ReadSessionOptions, client: Client): Promise<void> {
  const session = new BridgeImapSession(options, client);
  const engine = engineOptions('imap', options, client);
  return serveImap(client.socket, {
    ...engine,
    // The current capabilities, which saves the client a command (RFC 9051 section 7.1).
    greeting: `[CAPABILITY ${session.capabilities(client).join(' ')}] ${options.name} IMAP4rev1 ready`,
    session,
    limits: { ...engine.limits, maxCommandBytes },
  });
}

/** The login of a client whose session continues upstream, or over a mail store. */
class BridgeImapSession extends ReadSession<ImapLogin> implements ImapSession {
  protected override readonly protocol = 'imap';
  #store: MailStore | undefined;

  capabilities({ secure }: { readonly secure: boolean }): readonly string[] {
    const mechanisms = this.mechanisms(secure);
    if (this.#store !== undefined) {
      return engineCapabilities({ store: this.#store, mechanisms, canStartTls: this.offersTls(secure) });
    }
    return [
      'IMAP4rev1',
      'LITERAL+',
      'ID',
      ...expectedAfterLogin,
      ...(this.offersTls(secure) ? ['STARTTLS'] : []),
      ...(mechanisms.length > 0 ? ['SASL-IR', ...mechanisms.map((name) => `AUTH=${name}`)] : []),
      ...(mechanisms.includes('LOGIN') ? [] : ['LOGINDISABLED']),
    ];
  }

  identify(): ReadonlyMap<string, string> {
    return new Map([['name', 'mailbridge']]);
  }

  protected override async open(loggedIn: LoggedIn, presence: Presence): Promise<ImapLogin> {
    if (loggedIn.account.read === 'graph') return this.#translate(loggedIn, presence);
    const { capabilities, ...handOver } = await this.passThrough(loggedIn, presence);
    return { ...handOver, capabilities: capabilities && offeredAfterLogin(capabilities) };
  }

  protected override replyOf(error: unknown): unknown {
    return refusalReply(error, codes, (text, options) => new ImapReply('NO', text, options));
  }

  /** Continues with the engine over a mail store. */
  async #translate(loggedIn: LoggedIn, presence: Presence): Promise<ImapLogin> {
    const { log, openStore } = this.options;
    const { account, facts, leave } = loggedIn;
    const left = () => {
      leave();
      log.info(facts, 'mailbox closed');
    };
    const store = await openForClient(this.options, presence, loggedIn, (gone) => openStore(account, { gone, left }));
    log.info({ ...facts, over: 'graph' }, 'mailbox opened');
    this.#store = store;
    return { kind: 'store', store, tellsCapabilities: true };
  }
}

/**
 * Capabilities that concern only the login; another login (RFC 8437) would send the client's password to the upstream.
 */
const endsWithLogin = /^(?:STARTTLS|AUTH=.*|SASL-IR|LOGINDISABLED|LOGIN-REFERRALS|UNAUTHENTICATE)$/i;

/** @returns the capabilities of the upstream that a client can use after login; undefined if there are none */
function offeredAfterLogin(capabilities: string): string | undefined {
  const offered = capabilities.split(' ').filter((name) => name !== '' && !endsWithLogin.test(name));
  return offered.length > 0 ? offered.join(' ') : undefined;
}

/** Response codes of RFC 5530, and the one of RFC 3501 whose text mail programs must show. */
const codes: Readonly<Record<ReadRefusal, string>> = {
  wrong: 'AUTHENTICATIONFAILED',
  busy: 'UNAVAILABLE',
  unavailable: 'UNAVAILABLE',
  blocked: 'UNAVAILABLE',
  'other-mailbox': 'AUTHORIZATIONFAILED',
  'no-reading': 'NOPERM',
  'other-protocol': 'CANNOT',
  'too-many': 'LIMIT',
  temporary: 'UNAVAILABLE',
  'sign-in': 'ALERT',
  admin: 'CONTACTADMIN',
};
