import { defaultPop3Limits } from '../../pop3/options.ts';
import { Pop3Reply } from '../../pop3/reply.ts';
import { servePop3 } from '../../pop3/serve.ts';
import type { Pop3Login, Pop3Session } from '../../pop3/session.ts';
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
} from './imap-pop3-front-end.ts';

/** Listens as Exchange Online's POP3 endpoint (outlook.office365.com:995). */
export function listenExchangePop3<Claims extends MailTokenClaims>(
  settings: ExchangeReadSettings<Claims>,
): Promise<ExchangeReadServer> {
  return listenFrontEnd(
    settings,
    'pop3',
    (text) => `-ERR ${text}`,
    (parts) =>
      servePop3(parts.socket, {
        greeting: `The Microsoft Exchange POP3 service is ready. [${encodedServerName(frontEndName)}]`,
        secure: true,
        session: new ExchangePop3Session(parts),
        limits: defaultPop3Limits,
        log: settings.log,
        signal: parts.ending.signal,
      }),
  );
}

/** One POP3 session as Exchange Online holds it. */
class ExchangePop3Session<Claims extends MailTokenClaims> implements Pop3Session {
  readonly #parts: SessionParts<Claims>;
  #cancelExpiry: (() => void) | undefined;

  constructor(parts: SessionParts<Claims>) {
    this.#parts = parts;
  }

  capabilities(): readonly string[] {
    return ['TOP', 'UIDL', 'SASL PLAIN XOAUTH2', 'USER'];
  }

  mechanisms(): readonly SaslMechanism[] {
    return ['PLAIN', 'XOAUTH2'];
  }

  /** The one-line form of AUTH XOAUTH2 is not accepted. */
  takesInitialResponse(mechanism: SaslMechanism): boolean {
    return mechanism !== 'XOAUTH2';
  }

  async authenticate(credentials: SaslCredentials, command: 'PASS' | 'AUTH'): Promise<Pop3Login> {
    const { username } = credentials;
    const fault = this.#parts.faults?.take('pop3', username, 'auth', 'auth');
    return underFault(
      fault,
      this.#parts.socket,
      (text) => new Pop3Reply(text),
      async () => {
        const what = command === 'PASS' ? 'Logon' : 'Authentication';
        const text = `${what} failure: unknown user name or bad password.`;
        // Basic authentication is permanently off.
        if (!('accessToken' in credentials)) throw new Pop3Reply(text);
        const entered = await this.#parts.door.enter(username, credentials.accessToken);
        if (entered === 'refused') throw new Pop3Reply(text, { challenge: refusalChallenge });
        if (entered === 'not-connected') throw new Pop3Reply(text);
        this.#cancelExpiry = atExpiry(entered.expiresAt, () =>
          this.#parts.ending.abort('Session invalidated - AccessTokenExpired'),
        );
        return { kind: 'store', store: entered.store };
      },
    );
  }

  closed(): void {
    this.#cancelExpiry?.();
  }
}
