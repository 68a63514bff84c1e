import { existsSync } from 'node:fs';
import type { SourceFinding } from '../../accounts/password-source.ts';
import { checkAppPasswords } from '../../accounts/sources/app-passwords/check.ts';
import { appPasswordFiles } from '../../accounts/sources/app-passwords/entries.ts';
import { openAppPasswords } from '../../accounts/sources/app-passwords/open.ts';
import { checkPasswordFile } from '../../accounts/sources/file/check.ts';
import { checkLdap } from '../../accounts/sources/ldap/check.ts';
import type { Clock } from '../../base/clock.ts';
import type { RecordTable } from '../../base/record-table.ts';
import type { Config } from '../../config/schema.ts';
import { mailboxAt } from '../../message/address/pattern.ts';
import type { BridgeOperations } from '../../onboarding/check/hops/bridge.ts';
import { crossedPasswordWarnings } from './crossed.ts';
import { ldapSettings } from './sources.ts';

/**
 * Checks each place once where the configuration has passwords verified.
 * @param mailboxes of people who have to be found there
 * @param shared set if instances share their app passwords; undefined: they are in the data folder
 */
export function checkedPasswords(
  config: Config,
  clock: Clock,
  mailboxes: readonly string[] = [],
  shared?: RecordTable,
): BridgeOperations['passwords'] {
  const { accounts, dataDir } = config;
  const checks = new Map<string, BridgeOperations['passwords'][number]>();
  for (const { username, passwordFrom } of accounts) {
    if (passwordFrom === undefined || passwordFrom === 'app-passwords') continue;
    if (passwordFrom.file !== undefined) {
      const { file } = passwordFrom;
      checks.set(file, { target: file, check: () => checkPasswordFile(file, clock) });
    } else {
      const { ldap } = passwordFrom;
      const people = mailboxes.flatMap((mailbox) => mailboxAt(username, mailbox) ?? []);
      const check = async () => await checkLdap(await ldapSettings(ldap), clock, people);
      checks.set(JSON.stringify([ldap, people]), { target: ldap.url, check });
    }
  }
  const isAppPasswordUsed =
    accounts.some(({ passwordFrom }) => passwordFrom === 'app-passwords') ||
    shared !== undefined ||
    existsSync(appPasswordFiles(dataDir).passwords);
  const ofApps = { target: 'app passwords', check: () => checkedAppPasswords(config, shared) };
  return isAppPasswordUsed ? [...checks.values(), ofApps] : [...checks.values()];
}

/** Whether they can be read, and whether one opens another account than it was made for. */
async function checkedAppPasswords(config: Config, shared: RecordTable | undefined): Promise<SourceFinding> {
  const finding = await checkAppPasswords(openAppPasswords(config.dataDir, shared));
  const crossed = await crossedPasswordWarnings(config, shared);
  return crossed.length === 0 ? finding : { ...finding, warning: crossed.join('. ') };
}
