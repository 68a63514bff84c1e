import { folded, reachedMailboxes } from '../../accounts/account.ts';
import { openAppPasswords } from '../../accounts/sources/app-passwords/open.ts';
import type { ListedAppPassword } from '../../accounts/sources/app-passwords/store.ts';
import type { RecordTable } from '../../base/record-table.ts';
import type { Config } from '../../config/schema.ts';
import { isPattern } from '../../message/address/pattern.ts';
import { isMadeAtConnect } from '../connect/connect-passwords.ts';
import { ConfiguredLogins } from './logins.ts';

const toldAtMost = 10;
const namesAtMost = 5;

/**
 * App passwords made for one account that open another since the configuration has changed: those of a person of
 * `*@contoso.com`, for instance, once an account has the person's address as its username. One line for each login,
 * with what to do.
 */
export function crossedPasswords(config: Pick<Config, 'accounts'>, all: readonly ListedAppPassword[]): string[] {
  const logins = new ConfiguredLogins(config);
  const crossed = all.flatMap((password) => {
    const opens = logins.accountOf(password.login);
    return opens !== undefined && isCrossed(password, opens) ? [{ password, opens }] : [];
  });
  const byLogin = [...Map.groupBy(crossed, ({ password, opens }) => `${password.login}\n${opens}`).values()];
  const told = byLogin.slice(0, toldAtMost).map((own) => {
    const [{ opens }] = own as [(typeof own)[number]];
    return crossedText(
      own.map(({ password }) => password),
      opens,
      config,
    );
  });
  const left = byLogin.length - told.length;
  return left === 0 ? told : [...told, `app passwords of ${left} more logins open another account, too`];
}

/** {@link crossedPasswords} of the data folder, or of all instances. @throws BridgeError see `AppPasswordStore` */
export async function crossedPasswordWarnings(config: Config, shared: RecordTable | undefined): Promise<string[]> {
  return crossedPasswords(config, await openAppPasswords(config.dataDir, shared).list());
}

/** For passwords that do not say what they were made for, it is only known of those made at `/connect`. */
function isCrossed(password: ListedAppPassword, opens: string): boolean {
  const { account } = password;
  return account === undefined ? isMadeAtConnect(password) && !isPattern(opens) : folded(account) !== folded(opens);
}

function crossedText(own: readonly ListedAppPassword[], opens: string, { accounts }: Pick<Config, 'accounts'>): string {
  const [{ login, account, name }] = own as [ListedAppPassword];
  const names = own.slice(0, namesAtMost).map((each) => `"${each.name}"`);
  const more = own.length > names.length ? ` and ${own.length - names.length} more` : '';
  const count = own.length === 1 ? 'an app password' : `${own.length} app passwords`;
  const [was, opened, them] = own.length === 1 ? ['was', 'opens', 'it'] : ['were', 'open', 'them'];
  const madeFor =
    account === undefined ? `made at /connect for the mailbox ${login}` : `made for the account ${account}`;
  const opening = accounts.filter(({ username }) => folded(username) === folded(opens)).flatMap(reachedMailboxes);
  return (
    `${count} of ${login} (${names.join(', ')}${more}) ${was} ${madeFor}, and ${opened} the account ${opens} now` +
    ` (${opening.slice(0, namesAtMost).join(', ')}${opening.length > namesAtMost ? ', …' : ''}):` +
    ` end ${them} with mailbridge account remove ${login} --name "${name}", or, if that is intended, replace ${them} with account rotate`
  );
}
