import type { TLSSocket } from 'node:tls';
import { ImapReply } from '../../imap/reply.ts';
import { defaultImapLimits, serveImap } from '../../imap/serve.ts';
import type { ImapLogin, ImapSession } from '../../imap/session.ts';
import type { MailStore } from '../../mailbox/mail-store.ts';
import type { SaslCredentials, SaslMechanism } from '../../sasl/server-exchange.ts';
import { frontEndName } from './front-end.ts';
import {
  atExpiry,
  type ExchangeReadServer,
  type ExchangeReadSettings,
  encodedServerName,
  listenTls,
  MailboxDoor,
  type MailTokenClaims,
  refusalChallenge,
  type StagedFaults,
  underFault,
  withMethods,
} from './imap-pop3-front-end.ts';

const beforeLogin =
  'IMAP4 IMAP4rev1 AUTH=PLAIN AUTH=XOAUTH2 SASL-IR UIDPLUS ID UNSELECT CHILDREN IDLE NAMESPACE LITERAL+'.split(' ');
const afterLogin =
  'IMAP4 IMAP4rev1 AUTH=PLAIN AUTH=XOAUTH2 SASL-IR UIDPLUS MOVE ID UNSELECT CLIENTACCESSRULES CLIENTNETWORKPRESENCELOCATION BACKENDAUTHENTICATE CHILDREN IDLE NAMESPACE LITERAL+'.split(
    ' ',
  );

/** Listens as Exchange Online's IMAP endpoint (outlook.office365.com:993). */
export async function listenExchangeImap<Claims extends MailTokenClaims>(
  settings: ExchangeReadSettings<Claims>,
): Promise<ExchangeReadServer> {
  const door = new MailboxDoor(settings, 'imap');
  const { faults, log } = settings;
  return listenTls(settings, async (socket) => {
    socket.on('error', () => {});
    const fault = faults?.take('imap', undefined, 'connect', 'auth');
    const greeted = underFault(
      fault,
      socket,
      (text) => new Error(text),
      async () => {},
    );
    const problem = await greeted.then(
      () => undefined,
      (error: Error) => error.message,
    );
    if (problem !== undefined) return void socket.end(`* BYE ${problem}\r\n`);
    const ending = new AbortController();
    const session = new ExchangeImapSession(door, socket, ending, faults);
    await serveImap(socket, {
      greeting: `The Microsoft Exchange IMAP4 service is ready. [${encodedServerName(frontEndName)}]`,
      secure: true,
      session,
      limits: defaultImapLimits,
      log,
      signal: ending.signal,
    });
  });
}

/** One IMAP session as Exchange Online holds it. */
class ExchangeImapSession<Claims extends MailTokenClaims> implements ImapSession {
  readonly #door: MailboxDoor<Claims>;
  readonly #socket: TLSSocket;
  readonly #ending: AbortController;
  readonly #faults: StagedFaults | undefined;
  #cancelExpiry: (() => void) | undefined;

  constructor(door: MailboxDoor<Claims>, socket: TLSSocket, ending: AbortController, faults: StagedFaults | undefined) {
    this.#door = door;
    this.#socket = socket;
    this.#ending = ending;
    this.#faults = faults;
  }

  capabilities({ authenticated }: { readonly authenticated: boolean }): readonly string[] {
    return authenticated ? afterLogin : beforeLogin;
  }

  mechanisms(): readonly SaslMechanism[] {
    return ['PLAIN', 'XOAUTH2'];
  }

  identify(): ReadonlyMap<string, string> {
    return new Map([
      ['name', 'Microsoft.Exchange.Imap4.Imap4Server'],
      ['version', '15.20'],
    ]);
  }

  async authenticate(credentials: SaslCredentials, command: 'LOGIN' | 'AUTHENTICATE'): Promise<ImapLogin> {
    const { username } = credentials;
    const fault = this.#faults?.take('imap', username, 'auth', 'auth');
    return underFault(fault, this.#socket, replyOf, async () => {
      // Basic authentication is off for good.
      if (!('accessToken' in credentials)) throw new ImapReply('NO', `${command} failed.`);
      const entered = this.#door.enter(username, credentials.accessToken);
      if (entered === 'refused') throw new ImapReply('NO', `${command} failed.`, { challenge: refusalChallenge });
      if (entered === 'not-connected') return { kind: 'store', store: notConnected };
      this.#cancelExpiry = atExpiry(entered.expiresAt, () =>
        this.#ending.abort('Session invalidated - AccessTokenExpired'),
      );
      return { kind: 'store', store: this.#faulty(entered.store, username) };
    });
  }

  closed(): void {
    this.#cancelExpiry?.();
  }

  /** The store, failing at SELECT where that is staged. */
  #faulty(store: MailStore, mailbox: string): MailStore {
    const faults = this.#faults;
    if (faults === undefined) return store;
    const open: MailStore['open'] = (folder, options) => {
      const fault = faults.take('imap', mailbox, 'select', 'auth');
      return underFault(fault, this.#socket, replyOf, () => store.open(folder, options));
    };
    return withMethods(store, { open });
  }
}

/** A staged text such as `BAD Request is throttled.` as the reply it describes. */
function replyOf(text: string): ImapReply {
  const match = /^(NO|BAD) (.*)$/s.exec(text);
  return match === null ? new ImapReply('NO', text) : new ImapReply(match[1] as 'NO' | 'BAD', match[2] ?? '');
}

/** What a good token gets for a mailbox that it does not open: every command that needs the mailbox fails. */
const notConnected: MailStore = new Proxy({ delimiter: '/' } as MailStore, {
  get(target, property) {
    if (property === 'delimiter') return target.delimiter;
    if (property === 'close') return async () => {};
    return () => Promise.reject(new ImapReply('BAD', 'User is authenticated but not connected.'));
  },
});
