import { type Account, mayActAs } from '../accounts/account.ts';
import { blockedText, type LoginResult } from '../accounts/directory.ts';
import { sourceNetwork } from '../accounts/networks.ts';
import { givenPassword, type PasswordProof } from '../accounts/password-proof.ts';
import { BridgeError, type ErrorCode, errorText } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { logRepeated } from '../base/repeated-lines.ts';
import type { KeyedSemaphore } from '../base/semaphore.ts';
import { isLoopback } from '../base/sockets/loopback.ts';
import type { Presence } from '../base/sockets/presence.ts';
import type { OpenUpstream } from '../exchange/reading/connect.ts';
import type { Client, ListenerLimits, ListenerOptions } from '../listeners/listener.ts';
import { type Maildrops, MailStoreError } from '../mailbox/mail-store.ts';
import type { SaslCredentials, SaslMechanism } from '../sasl/server-exchange.ts';

/** An account as the reading side sees it. */
export type ReadAccount = Pick<Account, 'username' | 'mailbox' | 'connection' | 'read'>;

/** Bounds of a listener for reading clients. */
export interface ReadLimits extends ListenerLimits {
  /** Silence of a client that has logged in; at least 30 minutes. */
  readonly idleTimeoutMs: number;
}

/** What joins a listener for reading clients to accounts and upstream. */
export interface ReadSessionOptions extends ListenerOptions {
  readonly limits: ReadLimits;
  /** Name in the greeting. */
  readonly name: string;
  /** Passwords are taken on connections without TLS too, from anywhere. */
  readonly allowInsecureAuth: boolean;
  /** CRAM-MD5 is offered, without TLS too. */
  readonly cramMd5?: boolean;
  /** For each account and protocol, its sessions; shared by all listeners. */
  readonly accountPermits: KeyedSemaphore;
  /** Never rejects for a wrong name or password. */
  authenticate(username: string, password: string | PasswordProof, remoteAddress: string): Promise<LoginResult>;
  /**
   * Opens an upstream connection logged in to the account's mailbox.
   * @param signal the client has gone
   * @throws BridgeError
   */
  openUpstream(account: ReadAccount, signal: AbortSignal): Promise<OpenUpstream>;
  /**
   * Opens the account's mailbox over another protocol, to be translated from. It ends when the client has gone.
   * @throws BridgeError, MailStoreError
   */
  openMaildrops(account: ReadAccount, presence: Presence): Promise<Maildrops>;
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
  | 'sign-in'
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

/**
 * SASL mechanisms offered at this moment: passwords travel over TLS, over loopback, or where it is allowed; with CRAM-MD5
 * none travels.
 */
export function mechanismsOffered(
  { remoteAddress }: Client,
  secure: boolean,
  { allowInsecureAuth, cramMd5 }: Pick<ReadSessionOptions, 'allowInsecureAuth' | 'cramMd5'>,
): readonly SaslMechanism[] {
  const passwords = secure || allowInsecureAuth || isLoopback(remoteAddress);
  return [...(passwords ? (['PLAIN', 'LOGIN'] as const) : []), ...(cramMd5 ? (['CRAM-MD5'] as const) : [])];
}

/** Stands beside every line of the log about a session. */
export interface SessionFacts {
  readonly protocol: 'imap' | 'pop3';
  readonly session: string;
  readonly client: string;
  readonly username?: string;
  readonly mailbox?: string;
}

/** A client that has proven who it is. It holds one of its account's permits. */
export interface LoggedIn {
  readonly account: ReadAccount;
  readonly facts: SessionFacts;
  /** Gives the permit back. */
  leave(): void;
}

/**
 * From what the client gave to its account.
 * @throws ReadLoginError
 */
export async function logIn(
  options: ReadSessionOptions,
  connection: Client,
  protocol: 'imap' | 'pop3',
  credentials: SaslCredentials,
): Promise<LoggedIn> {
  const facts = { protocol, session: connection.id, client: connection.remoteAddress };
  try {
    const account = await accountOf(options, connection, credentials);
    assertReads(account, protocol);
    const leave = options.accountPermits.tryAcquire(`${protocol} ${account.username.toLowerCase()}`);
    if (leave === undefined) throw full(account);
    return { account, facts: { ...facts, username: account.username, mailbox: account.mailbox }, leave };
  } catch (error) {
    const username = 'username' in credentials ? credentials.username : undefined;
    if (error instanceof ReadLoginError) {
      logRefusal(options.log, { ...facts, username, error: error.cause }, error);
    }
    throw error;
  }
}

/** Guesses are bounded by the block; what comes behind it is not. */
function logRefusal(
  log: Log,
  facts: Pick<SessionFacts, 'protocol' | 'client'> & { readonly username: string | undefined; readonly error: unknown },
  { refusal, message }: ReadLoginError,
): void {
  const text = `login refused: ${message}`;
  const key = `${facts.protocol} ${sourceNetwork(facts.client)} login ${refusal}`;
  if (refusal === 'blocked' || refusal === 'busy') logRepeated(log, 'warn', key, facts, text);
  else log.warn(facts, text);
}

/**
 * Opens what the account reads from, unless the client goes away meanwhile.
 * @param open what does it
 * @throws ReadLoginError, the permit of the account having been given back
 */
export async function openForClient<T>(
  options: ReadSessionOptions,
  { gone }: Presence,
  client: LoggedIn,
  open: (gone: AbortSignal) => Promise<T>,
): Promise<T> {
  try {
    return await open(gone);
  } catch (error) {
    client.leave();
    if (gone.aborted) throw new ReadLoginError('temporary', 'The client has gone.', { cause: error });
    throw upstreamRefusal(error, client, options.log);
  }
}

async function accountOf(
  options: ReadSessionOptions,
  { remoteAddress }: Client,
  credentials: SaslCredentials,
): Promise<ReadAccount> {
  const { username } = credentials;
  const password = givenPassword(credentials);
  if (password === undefined) throw refusal('wrong', 'login-refused', 'This mechanism is not supported.');
  const authorizationId = 'authorizationId' in credentials ? credentials.authorizationId : undefined;
  const result = await options.authenticate(username, password, remoteAddress);
  if ('failure' in result) {
    if (result.failure === 'blocked') {
      throw refusal('blocked', 'login-blocked', `${blockedText(result)}.`);
    }
    if (result.failure === 'busy') throw refusal('busy', 'login-busy', 'Too many logins at once, try again.');
    const code = result.why === 'password-hashed' ? 'login-password-hashed' : 'login-refused';
    throw refusal('wrong', code, 'Username or password is wrong.');
  }
  const { account } = result;
  if (!mayActAs(account, authorizationId)) {
    throw refusal('other-mailbox', 'login-other-mailbox', 'This account may open only its own mailbox.');
  }
  return account;
}

function assertReads({ read }: ReadAccount, protocol: 'imap' | 'pop3'): void {
  // What is read over IMAP serves POP3 clients too, translated.
  if (read === protocol || (protocol === 'pop3' && read === 'imap')) return;
  if (read === undefined) {
    throw refusal('no-reading', 'account-not-reading', 'This account may send but not read.');
  }
  const name = read === 'pop3' ? 'POP3' : read === 'imap' ? 'IMAP' : 'Graph';
  const text = `This account is set up to read over ${name}; ${protocol.toUpperCase()} for it is not available.`;
  throw refusal('other-protocol', 'account-not-reading', text);
}

function full({ username }: ReadAccount): ReadLoginError {
  return refusal('too-many', 'account-connections-exceeded', `The account ${username} has too many connections open.`);
}

/** A refusal of our own; the catalogue says what to do about it. */
function refusal(kind: ReadRefusal, code: ErrorCode, text: string): ReadLoginError {
  return new ReadLoginError(kind, text, { cause: new BridgeError(code, text) });
}

function upstreamRefusal(error: unknown, { facts }: LoggedIn, log: Log): ReadLoginError {
  // What a mail store threw carries the failure behind it.
  const known = error instanceof MailStoreError ? (error.cause ?? error) : error;
  if (!(known instanceof BridgeError)) {
    log.error({ ...facts, error }, 'login failed: unexpected error');
    return new ReadLoginError('temporary', 'The mailbox cannot be opened now.', { cause: error });
  }
  log.warn({ ...facts, error: known }, `login failed upstream: ${errorText(known)}`);
  return new ReadLoginError(
    refusals[known.code] ?? (known.kind === 'temporary' ? 'temporary' : 'admin'),
    known.message,
    {
      cause: known,
    },
  );
}

const refusals: Partial<Record<ErrorCode, ReadRefusal>> = {
  'mailbox-connections-exceeded': 'too-many',
  'maildrop-in-use': 'too-many',
  'sign-in-needed': 'sign-in',
  'sign-in-ended': 'sign-in',
};
