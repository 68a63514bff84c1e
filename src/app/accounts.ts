import type { Account } from '../accounts/account.ts';
import type { AccountLogin } from '../accounts/account-login.ts';
import { connectionOfLogin } from '../accounts/account-login.ts';
import { AddressMap } from '../accounts/address-map.ts';
import {
  AccountDirectory,
  type AccountDirectoryOptions,
  authenticateWith,
  blockedText,
  type UntoldRefusal,
  unavailableText,
} from '../accounts/directory.ts';
import { type FailureNews, LoginThrottle } from '../accounts/login-throttle.ts';
import { sourceNetwork } from '../accounts/networks.ts';
import { PasswordVerifier } from '../accounts/password-verifier.ts';
import { mayUseReversePath } from '../accounts/sender-rules.ts';
import { sendingMailbox } from '../accounts/sending-mailbox.ts';
import { SharedFailures } from '../accounts/shared-failures.ts';
import type { Clock } from '../base/clock.ts';
import { BridgeError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { RecordTable } from '../base/record-table.ts';
import { logRepeated } from '../base/repeated-lines.ts';
import type { AccountConfig, Config } from '../config/schema.ts';
import { wayOf } from '../message/sender-way.ts';
import type { SaslCredentials } from '../sasl/server-exchange.ts';
import { SmtpReply } from '../smtp/session.ts';
import type { SubmissionAccount } from '../submission/account.ts';
import { LoginUses } from './admin/login-uses.ts';
import { hasOwnSignIns } from './connections/tokens.ts';

import { PasswordSources } from './passwords/sources.ts';

/** What survives a reload: verified passwords need no new check, and guessers stay blocked. */
export interface LoginMemory {
  readonly verifier: PasswordVerifier;
  readonly throttle: LoginThrottle;
  readonly sources: PasswordSources;
  /** Called with the outcome of each login. */
  readonly onOutcome?: AccountDirectoryOptions['onOutcome'];
  readonly uses: LoginUses;
  /** Closes connections and timers. */
  close(): Promise<void>;
}

/** Observers of logins. */
export interface LoginHooks extends Pick<LoginMemory, 'onOutcome'> {
  /** Logins to an account, or to an unknown name, are blocked for a source, or everywhere. */
  onBlocked?(account: string): void;
}

/** The account being guessed at; undefined if there are many. */
function guessedAccount({ of, key }: FailureNews): string | undefined {
  if (of === 'account') return key;
  return of === 'pair' ? key.slice(key.indexOf(' ') + 1) : undefined;
}

/** @param shared where instances share app passwords and blocks; undefined: there is one instance */
export function createLoginMemory(
  config: Config,
  clock: Clock,
  log: Log,
  shared: RecordTable | undefined,
  { onOutcome, onBlocked }: LoginHooks = {},
): LoginMemory {
  const { loginFailures, loginFailuresPerAddress, loginFailuresPerAccount, loginBlockSeconds } = config.limits;
  const blockMs = loginBlockSeconds * 1000;
  const failures = shared && new SharedFailures({ records: shared, clock, log, blockMs });
  const throttle = new LoginThrottle({
    clock,
    failures: loginFailures,
    failuresPerAddress: loginFailuresPerAddress,
    failuresPerAccount: loginFailuresPerAccount,
    blockMs,
    onNews: (news) => {
      failures?.tell(news);
      const account = news.blockedUntilMs > 0 ? guessedAccount(news) : undefined;
      if (account !== undefined) onBlocked?.(account);
    },
  });
  failures?.start(throttle);
  const verifier = new PasswordVerifier();
  const sources = new PasswordSources({ dataDir: config.dataDir, shared, verifier, clock, log });
  return {
    verifier,
    sources,
    throttle,
    ...(onOutcome && { onOutcome }),
    uses: new LoginUses(clock),
    async close() {
      await failures?.stop();
      await sources.close();
    },
  };
}

/** The accounts of a configuration. @throws BridgeError `tls-material-unreadable` */
export async function createDirectory(config: Config, memory: LoginMemory, clock: Clock): Promise<AccountDirectory> {
  const { verifier, throttle, sources, uses, onOutcome } = memory;
  const opened = await sources.of(config);
  const accounts = config.accounts.map(({ networks, passwordFrom: _, ...account }, index): Account => {
    const passwordSource = opened[index];
    return {
      ...account,
      networks: networks ?? [],
      ...(hasOwnSignIns(config.connections[account.connection]) && { ownSignIn: true }),
      ...(passwordSource && { passwordSource }),
      ...mailChanges(account),
    };
  });
  const { appPasswords } = sources;
  return new AccountDirectory(accounts, {
    ...{ verifier, throttle, clock, appPasswords },
    onLogin: (username) => uses.note(username),
    ...(onOutcome && { onOutcome }),
  });
}

/** The changes an account makes to its mail, ready for use; nothing if it makes none. */
function mailChanges({
  rewrite,
  redirectAllTo,
  headers,
}: Pick<AccountConfig, 'rewrite' | 'redirectAllTo' | 'headers'>): Pick<Account, 'changes'> {
  if (!rewrite && redirectAllTo === undefined && !headers) return {};
  return {
    changes: {
      senders: new AddressMap(rewrite?.senders),
      recipients: new AddressMap(rewrite?.recipients),
      ...(redirectAllTo === undefined ? {} : { redirectAllTo }),
      fields: {
        add: Object.entries(headers?.add ?? {}),
        remove: new Set((headers?.remove ?? []).map((name) => name.toLowerCase())),
      },
    },
  };
}

/** A login as the SMTP side needs it. */
export function submissionAccount(login: AccountLogin): SubmissionAccount {
  const { account, username, mailbox, senders } = login;
  const { forceFrom } = account;
  return {
    username,
    connection: connectionOfLogin(login),
    mailbox,
    delivery: account.delivery,
    ...(account.send === undefined ? {} : { send: account.send }),
    ...(account.dropDuplicates === undefined ? {} : { dropDuplicatesMs: account.dropDuplicates * 1000 }),
    ...(account.endOfData === undefined ? {} : { endOfData: account.endOfData }),
    ...(forceFrom === undefined ? {} : { forceFrom: forceFrom === true ? mailbox : forceFrom }),
    ...(account.changes === undefined ? {} : { changes: account.changes }),
    isOnBehalf: (address) => wayOf(account.otherSenders ?? [], address) === 'on-behalf',
    maySendAs: (address) => mayUseReversePath(senders, address),
    mailboxFor: (reversePath, authors) => sendingMailbox(login, reversePath, authors),
  };
}

/**
 * Logs a client in at the SMTP listener.
 * @throws SmtpReply 535 for a wrong name or password, a mailbox that is not the account's or another's identity, 421
 * for a blocked address, 454 when too many log in at once or passwords cannot be checked
 */
export async function loginForSubmission(
  directory: AccountDirectory,
  log: Log,
  credentials: SaslCredentials,
  remoteAddress: string,
): Promise<SubmissionAccount> {
  const result = await authenticateWith(directory, credentials, remoteAddress, 'smtp');
  if (!('failure' in result)) return submissionAccount(result.login);
  if (result.failure === 'no-password') throw new SmtpReply(504, '5.5.4', 'Mechanism not offered');
  const facts = { protocol: 'smtp', username: credentials.username, client: remoteAddress };
  if (result.failure !== 'other-mailbox') throw refusedLogin(log, facts, result);
  log.warn({ ...facts, error: new BridgeError('login-other-mailbox', result.text) }, 'login refused');
  throw new SmtpReply(535, '5.7.8', result.text);
}

/** The reply to a login, which does not reveal who exists. */
function refusedLogin(
  log: Log,
  facts: { readonly protocol: string; readonly username: string; readonly client: string },
  result: UntoldRefusal,
): SmtpReply {
  const hashed = result.failure === 'wrong' && result.why === 'password-hashed';
  const error = hashed ? { error: new BridgeError('login-password-hashed', 'CRAM-MD5 cannot check a hash.') } : {};
  if (result.failure === 'wrong') log.warn({ ...facts, failure: 'wrong', ...error }, 'login refused');
  else {
    // Guesses are limited by the block; what comes after it is not.
    const key = `smtp ${sourceNetwork(facts.client)} login ${result.failure}`;
    logRepeated(log, 'warn', key, { ...facts, failure: result.failure }, 'login refused');
  }
  if (result.failure === 'blocked') return new SmtpReply(421, '4.7.0', blockedText(result));
  if (result.failure === 'busy') return new SmtpReply(454, '4.7.0', 'Too many logins at once, try again');
  if (result.failure === 'unavailable') return new SmtpReply(454, '4.7.0', unavailableText);
  return new SmtpReply(535, '5.7.8', 'Username or password is wrong');
}
