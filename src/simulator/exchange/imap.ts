import { defaultImapLimits } from '../../imap/options.ts';
import { ImapReply } from '../../imap/reply.ts';
import { serveImap } from '../../imap/serve.ts';
import type { ImapLogin, ImapSession } from '../../imap/session.ts';
import type { MailStore } from '../../mailbox/mail-store.ts';
import type { SaslCredentials, SaslMechanism } from '../../sasl/server-exchange.ts';
import { frontEndName } from './front-end.ts';
import {
  atExpiry,
  type ExchangeReadServer,
  type ExchangeReadSettings,
  encodedServerName,
  listenFrontEnd,
  type MailTokenClaims,
  refusalChallenge,
  type SessionParts,
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
export function listenExchangeImap<Claims extends MailTokenClaims>(
  settings: ExchangeReadSettings<Claims>,
): Promise<ExchangeReadServer> {
  return listenFrontEnd(
    settings,
    'imap',
    (text) => `* BYE ${text}`,
    (parts) =>
      serveImap(parts.socket, {
        greeting: `The Microsoft Exchange IMAP4 service is ready. [${encodedServerName(frontEndName)}]`,
        secure: true,
        session: new ExchangeImapSession(parts),
        limits: defaultImapLimits,
        log: settings.log,
        signal: parts.ending.signal,
      }),
  );
}

/** One IMAP session as Exchange Online holds it. */
class ExchangeImapSession<Claims extends MailTokenClaims> implements ImapSession {
  readonly #parts: SessionParts<Claims>;
  #cancelExpiry: (() => void) | undefined;

  constructor(parts: SessionParts<Claims>) {
    this.#parts = parts;
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
    const fault = this.#parts.faults?.take('imap', username, 'auth', 'auth');
    return underFault(fault, this.#parts.socket, replyOf, async () => {
      // Basic authentication is permanently off.
      if (!('accessToken' in credentials)) throw new ImapReply('NO', `${command} failed.`);
      const entered = await this.#parts.door.enter(username, credentials.accessToken);
      if (entered === 'refused') throw new ImapReply('NO', `${command} failed.`, { challenge: refusalChallenge });
      if (entered === 'not-connected') return { kind: 'store', store: notConnected };
      this.#cancelExpiry = atExpiry(entered.expiresAt, () =>
        this.#parts.ending.abort('Session invalidated - AccessTokenExpired'),
      );
      return { kind: 'store', store: this.#faulty(entered.store, username) };
    });
  }

  closed(): void {
    this.#cancelExpiry?.();
  }

  /** The store, failing at SELECT if that is staged. */
  #faulty(store: MailStore, mailbox: string): MailStore {
    const faults = this.#parts.faults;
    if (faults === undefined) return store;
    const open: MailStore['open'] = (folder, options) => {
      const fault = faults.take('imap', mailbox, 'select', 'auth');
      return underFault(fault, this.#parts.socket, replyOf, () => store.open(folder, options));
    };
    return withMethods(store, { open });
  }
}

/** A staged text such as `BAD Request is throttled.` as the reply it describes. */
function replyOf(text: string): ImapReply {
  const match = /^(NO|BAD) (.*)$/s.exec(text);
  return match === null ? new ImapReply('NO', text) : new ImapReply(match[1] as 'NO' | 'BAD', match[2] ?? '');
}

/** What a valid token gets for a mailbox it does not open: every command that needs the mailbox fails. */
const notConnected: MailStore = new Proxy({ delimiter: '/', onNotice: undefined } as unknown as MailStore, {
  get(target, property) {
    if (property === 'delimiter' || property === 'onNotice') return target[property];
    if (property === 'close') return async () => {};
    return () => Promise.reject(new ImapReply('BAD', 'User is authenticated but not connected.'));
  },
});
