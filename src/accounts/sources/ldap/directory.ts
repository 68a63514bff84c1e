import { randomBytes } from 'node:crypto';
import { type ResultCodeError, SizeLimitExceededError } from 'ldapts';
import type { Clock } from '../../../base/clock.ts';
import { LdapConnection } from './connection.ts';
import { boundName, canBeSomebody, escapedForDn, escapedForFilter, filled } from './names.ts';
import { LdapPool } from './pool.ts';
import { isAboutThePerson, ldapFailure, reasonOf } from './refusal.ts';
import type { LdapSettings, PersonSearch } from './settings.ts';

/** The result of a bind. */
export interface BindOutcome {
  readonly isRight: boolean;
  /** The reason, if the server gives more than a refusal; only for the log. */
  readonly reason?: string;
  /** The server's result code (RFC 4511 appendix A). */
  readonly code?: number;
}

/**
 * Asks a directory whether a password is right. An unknown name causes as many requests as a known one: the same
 * search, and a bind.
 */
export class LdapDirectory {
  readonly #settings: LdapSettings;
  readonly #searches: LdapPool;
  readonly #binds: LdapPool;

  constructor(settings: LdapSettings, clock: Clock) {
    this.#settings = settings;
    this.#searches = new LdapPool(() => this.#openForSearch(), clock);
    this.#binds = new LdapPool(() => this.#open(), clock);
  }

  /** @throws BridgeError `ldap-unavailable`, `ldap-refused` */
  async check(person: string, password: string): Promise<BindOutcome> {
    const found = await this.#nameOf(person);
    // Every server would accept an empty password without checking it (RFC 4513 section 5.1.2).
    const isPossible = found !== undefined && password !== '';
    const outcome = await this.#bind(
      found ?? this.#nobody(),
      password === '' ? randomBytes(16).toString('hex') : password,
    );
    return isPossible ? outcome : { ...outcome, isRight: false };
  }

  /** Looks up a name that does not exist, and tries to bind as it. Throws like {@link check}. */
  async probe(): Promise<BindOutcome> {
    return await this.check(
      `mailbridge-${randomBytes(8).toString('hex')}@check.invalid`,
      randomBytes(16).toString('hex'),
    );
  }

  /**
   * Tells whether exactly one entry is found for that name. If names are only filled into a template, that is not
   * known. Throws like {@link check}.
   */
  async finds(person: string): Promise<boolean> {
    return (await this.#nameOf(person)) !== undefined;
  }

  close(): void {
    this.#searches.close();
    this.#binds.close();
  }

  /** Returns the name to bind as; undefined if there is none. */
  async #nameOf(person: string): Promise<string | undefined> {
    const { person: way } = this.#settings;
    if ('bindDn' in way) return canBeSomebody(person, way.bindDn) ? boundName(way.bindDn, person) : undefined;
    // For this check, the filter counts as a DN: it can contain any value.
    const isPossible = canBeSomebody(person, '=');
    const found = await this.#search(way, isPossible ? person : randomBytes(8).toString('hex'));
    return isPossible ? found : undefined;
  }

  async #search({ baseDn, filter }: PersonSearch, person: string): Promise<string | undefined> {
    const text = filled(filter, person, escapedForFilter);
    try {
      const found = await this.#searches.use((connection) => connection.search(baseDn, text));
      // A bind as the entry without a name is anonymous, and always granted.
      return found.length === 1 && found[0] !== '' ? found[0] : undefined;
    } catch (error) {
      // Two or more: it is not clear who is meant.
      if (error instanceof SizeLimitExceededError) return undefined;
      throw ldapFailure(this.#settings.url, `the search in ${baseDn}`, error);
    }
  }

  async #bind(name: string, password: string): Promise<BindOutcome> {
    try {
      await this.#binds.use((connection) => connection.bind(name, password));
      return { isRight: true };
    } catch (error) {
      if (!isAboutThePerson(error)) throw ldapFailure(this.#settings.url, 'a bind', error);
      const reason = reasonOf(error);
      return { isRight: false, code: (error as ResultCodeError).code, ...(reason !== undefined && { reason }) };
    }
  }

  #nobody(): string {
    const { person: way } = this.#settings;
    const name = `nobody-${randomBytes(8).toString('hex')}`;
    return 'bindDn' in way ? boundName(way.bindDn, `${name}@nobody.invalid`) : `cn=${escapedForDn(name)},${way.baseDn}`;
  }

  async #open(): Promise<LdapConnection> {
    try {
      return await LdapConnection.open(this.#settings);
    } catch (error) {
      throw ldapFailure(this.#settings.url, 'StartTLS', error);
    }
  }

  async #openForSearch(): Promise<LdapConnection> {
    const connection = await this.#open();
    const { person: way, url } = this.#settings;
    const searchBind = 'searchBind' in way ? way.searchBind : undefined;
    if (searchBind === undefined) return connection;
    try {
      await connection.bind(searchBind.dn, searchBind.password.reveal());
      return connection;
    } catch (error) {
      connection.close();
      throw ldapFailure(url, `the bind as ${searchBind.dn} (searchBind)`, error);
    }
  }
}
