import type { PasswordSource } from '../../accounts/password-source.ts';
import type { PasswordVerifier } from '../../accounts/password-verifier.ts';
import { AppPasswords } from '../../accounts/sources/app-passwords/source.ts';
import { FilePasswords } from '../../accounts/sources/file/source.ts';
import type { LdapSettings } from '../../accounts/sources/ldap/settings.ts';
import { LdapPasswords } from '../../accounts/sources/ldap/source.ts';
import type { Clock } from '../../base/clock.ts';
import { readCertificates } from '../../base/files/pem-file.ts';
import type { Log } from '../../base/log.ts';
import type { RecordTable } from '../../base/record-table.ts';
import { ldapFilter } from '../../config/blocks/passwords.ts';
import type { AccountConfig, Config } from '../../config/schema.ts';

/** The configuration of an LDAP server. */
export type LdapConfig = Extract<NonNullable<AccountConfig['passwordFrom']>, { ldap: unknown }>['ldap'];

export interface PasswordSourcesOptions {
  readonly dataDir: string;
  /** Set if instances share their app passwords; undefined: they are in the data folder. */
  readonly shared?: RecordTable | undefined;
  readonly verifier: PasswordVerifier;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Where the passwords of accounts are verified. Sources that a reload does not change continue, with their remembered
 * passwords and connections; accounts that name the same place share one.
 */
export class PasswordSources {
  readonly appPasswords: PasswordSource;
  readonly #options: PasswordSourcesOptions;
  #open = new Map<string, PasswordSource>();

  constructor(options: PasswordSourcesOptions) {
    this.#options = options;
    this.appPasswords = new AppPasswords(options);
  }

  /**
   * The sources of a configuration's accounts, in account order; undefined for an account without one. Sources that
   * none names any more are closed.
   * @throws BridgeError `tls-material-unreadable`
   */
  async of({ accounts }: Pick<Config, 'accounts'>): Promise<(PasswordSource | undefined)[]> {
    const open = new Map<string, PasswordSource>();
    const sources: (PasswordSource | undefined)[] = [];
    for (const { passwordFrom } of accounts) {
      const [key, make] = await this.#described(passwordFrom);
      const source = make && (open.get(key) ?? this.#open.get(key) ?? make());
      if (source) open.set(key, source);
      sources.push(source);
    }
    const before = this.#open;
    this.#open = open;
    for (const [key, source] of open) if (!before.has(key)) void source.prepare();
    for (const [key, source] of before) if (!open.has(key)) await source.close();
    return sources;
  }

  async close(): Promise<void> {
    for (const source of [...this.#open.values(), this.appPasswords]) await source.close();
  }

  /** A key that is equal for equal settings, and a function that makes the source. */
  async #described(from: AccountConfig['passwordFrom']): Promise<[string, (() => PasswordSource)?]> {
    if (from === undefined || from === 'app-passwords') return [''];
    const { file } = from;
    if (file !== undefined) return [`file ${file}`, () => new FilePasswords({ ...this.#options, file })];
    const settings = await ldapSettings(from.ldap);
    const { searchBind = undefined } = 'searchBind' in settings.person ? settings.person : {};
    const texts = [JSON.stringify(settings), searchBind?.password.reveal() ?? ''];
    const key = `ldap ${this.#options.verifier.digest(...texts)}`;
    return [key, () => new LdapPasswords({ ...this.#options, settings })];
  }
}

/** @throws BridgeError `tls-material-unreadable` */
export async function ldapSettings(ldap: LdapConfig): Promise<LdapSettings> {
  const { url, startTls, caFile, bindDn, baseDn = '', searchBind, filter } = ldap;
  return {
    url,
    startTls,
    ...(caFile !== undefined && { ca: await readCertificates(caFile) }),
    person:
      bindDn === undefined ? { baseDn, filter: ldapFilter(filter), ...(searchBind && { searchBind }) } : { bindDn },
    timeoutMs: ldap.timeoutSeconds * 1000,
    rememberMs: ldap.rememberMinutes * 60_000,
  };
}
