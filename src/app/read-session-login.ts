import { isIP } from 'node:net';
import type { Account } from '../accounts/account.ts';
import type { LoginResult } from '../accounts/directory.ts';
import { BridgeError, errorText } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { OpenUpstream } from '../exchange/connect-upstream.ts';
import { type Maildrops, MailStoreError, type MailStoreErrorCode } from '../mailbox/mail-store.ts';
import type { SaslCredentials, SaslMechanism } from '../sasl/server-exchange.ts';
import type { ReadConnection, ReadListenerOptions } from './read-session-listener.ts';

/** An account as the reading side sees it. */
export type ReadAccount = Pick<Account, 'username' | 'mailbox' | 'connection' | 'read'>;

/** What joins a listener for reading clients to accounts and upstream. */
export interface ReadSessionOptions extends ReadListenerOptions {
  /** Name in the greeting. */
  readonly name: string;
  /** Passwords are taken on connections without TLS too, from anywhere. */
  readonly allowInsecureAuth: boolean;
  /** Never rejects for a wrong name or password. */
  authenticate(username: string, password: string, remoteAddress: string): Promise<LoginResult>;
  /**
   * Opens an upstream connection logged in to the account's mailbox.
   * @param signal the client has gone
   * @throws BridgeError
   */
  openUpstream(account: ReadAccount, signal: AbortSignal): Promise<OpenUpstream>;
  /**
   * Opens the account's mailbox over another protocol, to be translated from.
   * @throws BridgeError, MailStoreError
   */
  openMaildrops(account: ReadAccount, signal: AbortSignal): Promise<Maildrops>;
}

/** Why a login at a listener is refused, for the protocol to put in its own words. */
export type ReadRefusal =
  | 'wrong'
  | 'busy'
  | 'blocked'
  | 'other-mailbox'
  | 'no-reading'
  | 'other-protocol'
  | 'too-many'
  | 'temporary'
  | 'admin';

/** A refused login. */
export class ReadLoginError extends Error {
  override readonly name = 'ReadLoginError';
  readonly refusal: ReadRefusal;

  constructor(refusal: ReadRefusal, text: string, options?: ErrorOptions) {
    super(text, options);
    this.refusal = refusal;
  }
}

/** SASL mechanisms offered at this moment: passwords travel over TLS, over loopback, or where it is allowed. */
export function mechanismsOffered(
  connection: ReadConnection,
  secure: boolean,
  allowInsecureAuth: boolean,
): readonly SaslMechanism[] {
  return secure || allowInsecureAuth || isLoopback(connection.remoteAddress) ? ['PLAIN', 'LOGIN'] : [];
}

/** A client that has proven who it is. */
export interface LoggedIn {
  readonly account: ReadAccount;
  readonly log: Log;
}

/**
 * From what the client gave to its account.
 * @throws ReadLoginError
 */
export async function logIn(
  options: ReadSessionOptions,
  connection: ReadConnection,
  protocol: 'imap' | 'pop3',
  credentials: SaslCredentials,
): Promise<LoggedIn> {
  const log = options.log.child({ protocol, session: connection.id, client: connection.remoteAddress });
  const account = await accountOf(options, connection, credentials, log);
  assertReads(account, protocol);
  return { account, log };
}

/**
 * Opens what the account reads from.
 * @param open what does it
 * @throws ReadLoginError; as it came, once the client has gone
 */
export async function openForClient<T>(
  { account, log }: LoggedIn,
  signal: AbortSignal,
  open: () => Promise<T>,
): Promise<T> {
  try {
    return await open();
  } catch (error) {
    if (signal.aborted) throw error;
    throw upstreamRefusal(error, account, log);
  }
}

async function accountOf(
  options: ReadSessionOptions,
  { remoteAddress }: ReadConnection,
  credentials: SaslCredentials,
  log: Log,
): Promise<ReadAccount> {
  if (!('password' in credentials)) throw new ReadLoginError('wrong', 'This mechanism is not supported.');
  const { username, password, authorizationId } = credentials;
  const result = await options.authenticate(username, password, remoteAddress);
  if ('failure' in result) {
    log.warn({ username, failure: result.failure }, 'login refused');
    if (result.failure === 'blocked') {
      const seconds = Math.ceil(result.retryAfterMs / 1000);
      throw new ReadLoginError('blocked', `Too many failed logins from your address, try again in ${seconds} s.`);
    }
    if (result.failure === 'busy') throw new ReadLoginError('busy', 'Too many logins at once, try again.');
    throw new ReadLoginError('wrong', 'Username or password is wrong.');
  }
  const { account } = result;
  const own = [account.username, account.mailbox].map((name) => name.toLowerCase());
  if (authorizationId !== undefined && !own.includes(authorizationId.toLowerCase())) {
    log.warn({ username, authorizationId }, 'login refused: another mailbox was asked for');
    throw new ReadLoginError('other-mailbox', 'This account opens its own mailbox alone.');
  }
  return account;
}

function assertReads({ read }: ReadAccount, protocol: 'imap' | 'pop3'): void {
  // What is read over IMAP serves POP3 clients too, translated.
  if (read === protocol || (protocol === 'pop3' && read === 'imap')) return;
  if (read === undefined) throw new ReadLoginError('no-reading', 'This account may send but not read.');
  const name = read === 'pop3' ? 'POP3' : read === 'imap' ? 'IMAP' : 'Graph';
  const text = `This account is set up to read over ${name}; ${protocol.toUpperCase()} for it is not available.`;
  throw new ReadLoginError('other-protocol', text);
}

function upstreamRefusal(error: unknown, account: ReadAccount, log: Log): ReadLoginError {
  const facts = { error, username: account.username, mailbox: account.mailbox };
  if (error instanceof MailStoreError) {
    log.warn(facts, `login failed upstream: ${error.message}`);
    return new ReadLoginError(storeRefusals[error.code] ?? 'temporary', error.message, { cause: error });
  }
  if (!(error instanceof BridgeError)) {
    log.error(facts, 'login failed for a reason nobody foresaw');
    return new ReadLoginError('temporary', 'The mailbox cannot be opened now.', { cause: error });
  }
  log.warn({ ...facts, remedy: error.remedy }, `login failed upstream: ${errorText(error)}`);
  if (error.code === 'mailbox-connections-exceeded')
    return new ReadLoginError('too-many', error.message, { cause: error });
  const refusal = error.kind === 'temporary' ? 'temporary' : 'admin';
  return new ReadLoginError(refusal, error.message, { cause: error });
}

const storeRefusals: Partial<Record<MailStoreErrorCode, ReadRefusal>> = {
  'not-permitted': 'admin',
  'not-connected': 'admin',
  'in-use': 'too-many',
};

function isLoopback(address: string): boolean {
  return address === '::1' || (isIP(address) === 4 && address.startsWith('127.'));
}
