import { sourceNetwork } from '../accounts/networks.ts';
import { BridgeError, type ErrorCode, errorText } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { logRepeated } from '../base/repeated-lines.ts';
import { isLoopback } from '../base/sockets/loopback.ts';
import type { Presence } from '../base/sockets/presence.ts';
import type { OpenUpstream } from '../exchange/reading/connect.ts';
import type { Client, ListenerLimits, ListenerOptions } from '../listeners/listener.ts';
import { type Maildrops, type MailStore, MailStoreError } from '../mailbox/mail-store.ts';
import type { SaslCredentials, SaslMechanism } from '../sasl/server-exchange.ts';
import type { ReadAccount, ReadLogin } from './authenticate.ts';

/** Limits of a listener for reading clients. */
export interface ReadLimits extends ListenerLimits {
  /** Maximum silence of a client after login; at least 30 minutes. */
  readonly idleTimeoutMs: number;
}

/** Connects a listener for reading clients to accounts and upstream. */
export interface ReadSessionOptions extends ListenerOptions {
  readonly limits: ReadLimits;
  /** Name in the greeting. */
  readonly name: string;
  /** Passwords are also accepted on connections without TLS, from anywhere. */
  readonly allowInsecureAuth: boolean;
  /** CRAM-MD5 is offered, also without TLS. */
  readonly cramMd5?: boolean;
  /** Never rejects for the client's mistakes. */
  authenticate(credentials: SaslCredentials, remoteAddress: string): Promise<ReadLogin>;
  /**
   * Takes one of the permits that an account has per mailbox and protocol, shared by all listeners.
   * @returns a function that gives it back, with effect only once; undefined if none is free
   */
  permit(key: string): Promise<(() => void) | undefined>;
  /**
   * Opens an upstream connection logged in to the account's mailbox.
   * @param signal aborted when the client has gone
   * @throws BridgeError
   */
  openUpstream(account: ReadAccount, signal: AbortSignal): Promise<OpenUpstream>;
  /**
   * Opens the account's mailbox through Graph. It closes when the client has gone.
   * @throws BridgeError
   */
  openStore(account: ReadAccount, reader: StoreReader): Promise<MailStore>;
  /**
   * Opens the account's mailbox over another protocol, for translation. It closes when the client has gone.
   * @throws BridgeError, MailStoreError
   */
  openMaildrops(account: ReadAccount, presence: Presence): Promise<Maildrops>;
}

/** The reader of a mail store. */
export interface StoreReader {
  /** Aborted when the client has gone. */
  readonly gone: AbortSignal;
  /** Called once, when an opened store is closed. */
  left?(): void;
}

/** Why a login at a listener is refused; each protocol words it itself. */
export type ReadRefusal =
  | 'wrong'
  | 'busy'
  | 'unavailable'
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
 * SASL mechanisms offered now. Passwords may be sent over TLS, over loopback, or if explicitly allowed; CRAM-MD5 sends
 * none.
 */
export function mechanismsOffered(
  { remoteAddress }: Client,
  secure: boolean,
  { allowInsecureAuth, cramMd5 }: Pick<ReadSessionOptions, 'allowInsecureAuth' | 'cramMd5'>,
): readonly SaslMechanism[] {
  const passwords = secure || allowInsecureAuth || isLoopback(remoteAddress);
  return [...(passwords ? (['PLAIN', 'LOGIN'] as const) : []), ...(cramMd5 ? (['CRAM-MD5'] as const) : [])];
}

/** Fields of every log line about a session. */
export interface SessionFacts {
  readonly protocol: 'imap' | 'pop3';
  readonly session: string;
  readonly client: string;
  readonly username?: string;
  readonly mailbox?: string;
}

/** An authenticated client. It holds one of its account's permits. */
export interface LoggedIn {
  readonly account: ReadAccount;
  readonly facts: SessionFacts;
  /** Gives the permit back. */
  leave(): void;
}

/**
 * Logs a client in with its credentials.
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
    const { username, mailbox } = account;
    const leave = await options.permit(`${protocol} ${username} ${mailbox}`.toLowerCase());
    if (leave === undefined) throw full(account);
    return { account, facts: { ...facts, username, mailbox }, leave };
  } catch (error) {
    const username = 'username' in credentials ? credentials.username : undefined;
    if (error instanceof ReadLoginError) {
      logRefusal(options.log, { ...facts, username, error: error.cause }, error);
    }
    throw error;
  }
}

/** Guesses are limited by the block; attempts during a block are not. */
function logRefusal(
  log: Log,
  facts: Pick<SessionFacts, 'protocol' | 'client'> & { readonly username: string | undefined; readonly error: unknown },
  { refusal, message }: ReadLoginError,
): void {
  const text = `login refused: ${message}`;
  const key = `${facts.protocol} ${sourceNetwork(facts.client)} login ${refusal}`;
  if (refusal === 'blocked' || refusal === 'busy' || refusal === 'unavailable')
    logRepeated(log, 'warn', key, facts, text);
  else log.warn(facts, text);
}

/**
 * Opens the mailbox the account reads from, unless the client leaves meanwhile.
 * @param open opens it
 * @throws ReadLoginError after giving back the account's permit
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
  const result = await options.authenticate(credentials, remoteAddress);
  if ('account' in result) return result.account;
  throw refusal(result.refusal, result.code, result.text);
}

function assertReads({ read }: ReadAccount, protocol: 'imap' | 'pop3'): void {
  // A mailbox read over IMAP also serves POP3 clients, and one read through Graph serves both: translated.
  if (read === protocol || read === 'graph' || (protocol === 'pop3' && read === 'imap')) return;
  if (read === undefined) {
    throw refusal('no-reading', 'account-not-reading', 'This account may send but not read.');
  }
  const text = `This account is set up to read over ${read.toUpperCase()}; ${protocol.toUpperCase()} for it is not available.`;
  throw refusal('other-protocol', 'account-not-reading', text);
}

function full({ username, mailbox }: ReadAccount): ReadLoginError {
  const text = `The account ${username} has too many connections to ${mailbox} open.`;
  return refusal('too-many', 'account-connections-exceeded', text);
}

/** A refusal by the bridge itself; the catalogue says what to do about it. */
function refusal(kind: ReadRefusal, code: ErrorCode, text: string): ReadLoginError {
  return new ReadLoginError(kind, text, { cause: new BridgeError(code, text) });
}

function upstreamRefusal(error: unknown, { facts }: LoggedIn, log: Log): ReadLoginError {
  // The error of a mail store carries the underlying failure.
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
