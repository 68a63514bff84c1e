import type { Account } from '../accounts/account.ts';
import type { AccountLogin } from '../accounts/account-login.ts';
import { connectionOfLogin } from '../accounts/account-login.ts';
import {
  type AccountDirectory,
  authenticateWith,
  blockedText,
  type CredentialsResult,
  unavailableText,
} from '../accounts/directory.ts';
import type { ErrorCode } from '../base/errors.ts';
import type { SaslCredentials } from '../sasl/server-exchange.ts';

/** A login as the reading side sees it: the account, and the mailbox to open. */
export type ReadAccount = Pick<AccountLogin, 'username' | 'mailbox'> & Pick<Account, 'connection' | 'read'>;

/** The result of checking credentials; plain data, so that it can be sent to another process. */
export type ReadLogin =
  | { readonly account: ReadAccount }
  | {
      readonly refusal: 'wrong' | 'busy' | 'unavailable' | 'blocked' | 'other-mailbox';
      readonly code: ErrorCode;
      /** For the client. */
      readonly text: string;
    };

/** Checks a client's credentials and finds the mailbox to open. Never rejects for the client's mistakes. */
export async function authenticateReader(
  directory: Pick<AccountDirectory, 'authenticate'>,
  credentials: SaslCredentials,
  remoteAddress: string,
  protocol: 'imap' | 'pop3',
): Promise<ReadLogin> {
  const result = await authenticateWith(directory, credentials, remoteAddress, protocol);
  if ('failure' in result) return refusalOf(result);
  const { username, mailbox, account } = result.login;
  const { read } = account;
  const connection = connectionOfLogin(result.login);
  return { account: { username, mailbox, connection, ...(read && { read }) } };
}

function refusalOf(result: Extract<CredentialsResult, { failure: unknown }>): ReadLogin {
  if (result.failure === 'no-password') return refused('wrong', 'login-refused', 'This mechanism is not supported.');
  if (result.failure === 'other-mailbox') return refused('other-mailbox', 'login-other-mailbox', result.text);
  if (result.failure === 'blocked') return refused('blocked', 'login-blocked', `${blockedText(result)}.`);
  if (result.failure === 'busy') return refused('busy', 'login-busy', 'Too many logins at once, try again.');
  if (result.failure === 'unavailable') return refused('unavailable', 'login-unavailable', `${unavailableText}.`);
  const code = result.why === 'password-hashed' ? 'login-password-hashed' : 'login-refused';
  return refused('wrong', code, 'Username or password is wrong.');
}

function refused(
  refusal: Exclude<ReadLogin, { account: unknown }>['refusal'],
  code: ErrorCode,
  text: string,
): ReadLogin {
  return { refusal, code, text };
}
