import { type Account, mayActAs } from '../accounts/account.ts';
import { AccountDirectory, blockedText } from '../accounts/directory.ts';
import { LoginThrottle } from '../accounts/login-throttle.ts';
import { sourceNetwork } from '../accounts/networks.ts';
import { givenPassword } from '../accounts/password-proof.ts';
import { PasswordVerifier } from '../accounts/password-verifier.ts';
import { mayUseReversePath } from '../accounts/sender-rules.ts';
import type { Clock } from '../base/clock.ts';
import { BridgeError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { logRepeated } from '../base/repeated-lines.ts';
import type { Config } from '../config/schema.ts';
import type { SaslCredentials } from '../sasl/server-exchange.ts';
import { SmtpReply } from '../smtp/session.ts';
import type { SubmissionAccount } from '../submission/account.ts';

/** What outlives a reload: nobody's verified password is asked for again, and no guesser is forgiven. */
export interface LoginMemory {
  readonly verifier: PasswordVerifier;
  readonly throttle: LoginThrottle;
}

export function createLoginMemory(config: Config, clock: Clock): LoginMemory {
  const { loginFailures, loginFailuresPerAddress, loginFailuresPerAccount, loginBlockSeconds } = config.limits;
  return {
    verifier: new PasswordVerifier(),
    throttle: new LoginThrottle({
      clock,
      failures: loginFailures,
      failuresPerAddress: loginFailuresPerAddress,
      failuresPerAccount: loginFailuresPerAccount,
      blockMs: loginBlockSeconds * 1000,
    }),
  };
}

/** The accounts of a configuration. */
export function createDirectory(config: Config, memory: LoginMemory, clock: Clock): AccountDirectory {
  const accounts = config.accounts.map(
    ({ networks, ...account }): Account => ({ ...account, networks: networks ?? [] }),
  );
  return new AccountDirectory(accounts, { ...memory, clock });
}

/** An account as the SMTP side sees it. */
export function submissionAccount(account: Account): SubmissionAccount {
  return {
    username: account.username,
    connection: account.connection,
    mailbox: account.mailbox,
    delivery: account.delivery,
    ...(account.send === undefined ? {} : { send: account.send }),
    ...(account.dropDuplicates === undefined ? {} : { dropDuplicatesMs: account.dropDuplicates * 1000 }),
    ...(account.endOfData === undefined ? {} : { endOfData: account.endOfData }),
    ...(account.forceFrom === undefined ? {} : { forceFrom: account.forceFrom }),
    maySendAs: (address) => mayUseReversePath(account.senders, address),
  };
}

/**
 * Logs in at the SMTP listener.
 * @throws SmtpReply 535 for a wrong name or password or another's identity, 421 for a blocked address, 454 when too many
 *   log in at once
 */
export async function loginForSubmission(
  directory: AccountDirectory,
  log: Log,
  credentials: SaslCredentials,
  remoteAddress: string,
): Promise<SubmissionAccount> {
  const { username } = credentials;
  const password = givenPassword(credentials);
  if (password === undefined) throw new SmtpReply(504, '5.5.4', 'Mechanism not offered');
  const authorizationId = 'authorizationId' in credentials ? credentials.authorizationId : undefined;
  const result = await directory.authenticate(username, password, remoteAddress);
  const facts = { protocol: 'smtp', username, client: remoteAddress };
  if ('account' in result) {
    if (mayActAs(result.account, authorizationId)) return submissionAccount(result.account);
    const text = 'This account may send only as itself.';
    log.warn({ ...facts, error: new BridgeError('login-other-mailbox', text) }, 'login refused');
    throw new SmtpReply(535, '5.7.8', `${text} Leave the authorization identity empty`);
  }
  const hashed = result.failure === 'wrong' && result.why === 'password-hashed';
  const error = hashed ? { error: new BridgeError('login-password-hashed', 'CRAM-MD5 cannot check a hash.') } : {};
  if (result.failure === 'wrong') log.warn({ ...facts, failure: 'wrong', ...error }, 'login refused');
  else {
    // Guesses are bounded by the block; what comes behind it is not.
    const key = `smtp ${sourceNetwork(remoteAddress)} login ${result.failure}`;
    logRepeated(log, 'warn', key, { ...facts, failure: result.failure }, 'login refused');
  }
  if (result.failure === 'blocked') throw new SmtpReply(421, '4.7.0', blockedText(result));
  if (result.failure === 'busy') throw new SmtpReply(454, '4.7.0', 'Too many logins at once, try again');
  throw new SmtpReply(535, '5.7.8', 'Username or password is wrong');
}
