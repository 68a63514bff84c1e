import { type Account, folded } from '../../accounts/account.ts';
import { LoginNames } from '../../accounts/login-names.ts';
import { BridgeError } from '../../base/errors.ts';
import type { Config } from '../../config/schema.ts';
import { domainOf, sameAddress } from '../../message/address/address.ts';

/**
 * Whether a password made at `/connect` for an address opens only this mailbox. The address is resolved like a login:
 * an account of exactly this name takes precedence over one for many, and an app password counts for either.
 */
export function opensThisMailboxAlone(
  { accounts }: Pick<Config, 'accounts'>,
  connection: string,
  address: string,
): boolean {
  const named = accounts.map(({ passwordFrom: _, ...each }): Account => ({ ...each, networks: [] }));
  const login = new LoginNames(named).resolve(address)?.login;
  if (login === undefined) return false;
  const account = accounts[named.indexOf(login.account)];
  return (
    account?.connection === connection &&
    account.passwordFrom === 'app-passwords' &&
    folded(login.username) === folded(address) &&
    [login.mailbox, ...login.mailboxes].every((mailbox) => sameAddress(mailbox, address))
  );
}

/** @throws BridgeError `connect-not-open` if nobody with that address could connect a mailbox, invited or not */
export function assertInvitable(config: Pick<Config, 'accounts'>, connection: string, address: string): void {
  if (opensThisMailboxAlone(config, connection, address)) return;
  throw new BridgeError('connect-not-open', `No account serves ${address} alone over connection "${connection}".`, {
    remedy: `Add an account with "passwordFrom": "app-passwords" and the username *@${domainOf(address)} over that connection; no other account may have the address as its username.`,
  });
}
