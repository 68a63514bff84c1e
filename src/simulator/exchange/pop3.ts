import type { TLSSocket } from 'node:tls';
import { Pop3Reply } from '../../pop3/reply.ts';
import { defaultPop3Limits, servePop3 } from '../../pop3/serve.ts';
import type { Pop3Login, Pop3Session } from '../../pop3/session.ts';
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
} from './imap-pop3-front-end.ts';

/** Listens as Exchange Online's POP3 endpoint (outlook.office365.com:995). */
export async function listenExchangePop3<Claims extends MailTokenClaims>(
  settings: ExchangeReadSettings<Claims>,
): Promise<ExchangeReadServer> {
  const door = new MailboxDoor(settings, 'pop3');
  const { faults, log } = settings;
  return listenTls(settings, async (socket) => {
    socket.on('error', () => {});
    const fault = faults?.take('pop3', undefined, 'connect', 'auth');
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
    if (problem !== undefined) return void socket.end(`-ERR ${problem}\r\n`);
    const ending = new AbortController();
    await servePop3(socket, {
      greeting: `The Microsoft Exchange POP3 service is ready. [${encodedServerName(frontEndName)}]`,
      secure: true,
      session: new ExchangePop3Session(door, socket, ending, faults),
      limits: defaultPop3Limits,
      log,
      signal: ending.signal,
    });
  });
}

/** One POP3 session as Exchange Online holds it. */
class ExchangePop3Session<Claims extends MailTokenClaims> implements Pop3Session {
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
    const fault = this.#faults?.take('pop3', username, 'auth', 'auth');
    return underFault(
      fault,
      this.#socket,
      (text) => new Pop3Reply(text),
      async () => {
        const what = command === 'PASS' ? 'Logon' : 'Authentication';
        const text = `${what} failure: unknown user name or bad password.`;
        // Basic authentication is off for good.
        if (!('accessToken' in credentials)) throw new Pop3Reply(text);
        const entered = this.#door.enter(username, credentials.accessToken);
        if (entered === 'refused') throw new Pop3Reply(text, { challenge: refusalChallenge });
        if (entered === 'not-connected') throw new Pop3Reply(text);
        this.#cancelExpiry = atExpiry(entered.expiresAt, () =>
          this.#ending.abort('Session invalidated - AccessTokenExpired'),
        );
        return { kind: 'store', store: entered.store };
      },
    );
  }

  closed(): void {
    this.#cancelExpiry?.();
  }
}
