import { randomBytes } from 'node:crypto';
import { type ResultCodeError, SizeLimitExceededError } from 'ldapts';
import type { Clock } from '../../../base/clock.ts';
import { LdapConnection } from './connection.ts';
import { boundName, canBeSomebody, escapedForDn, escapedForFilter, filled } from './names.ts';
import { LdapPool } from './pool.ts';
import { isAboutThePerson, ldapFailure, reasonOf } from './refusal.ts';
import type { LdapSettings, PersonSearch } from './settings.ts';

/** What a bind came to. */
export interface BindOutcome {
  readonly isRight: boolean;
  /** Why not, where the server says more than no; for the log alone. */
  readonly reason?: string;
  /** What the server answered (RFC 4511 appendix A). */
  readonly code?: number;
}

/**
 * Asks a directory whether a password is somebody's. Nobody is asked about with as many questions as somebody: the same
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
    // An empty password would be taken by every server, without being looked at (RFC 4513 section 5.1.2).
    const isPossible = found !== undefined && password !== '';
    const outcome = await this.#bind(
      found ?? this.#nobody(),
      password === '' ? randomBytes(16).toString('hex') : password,
    );
    return isPossible ? outcome : { ...outcome, isRight: false };
  }

  /** Looks for a name that nobody has, and tries to be it. Throws as {@link check}. */
  async probe(): Promise<BindOutcome> {
    return await this.check(
      `mailbridge-${randomBytes(8).toString('hex')}@check.invalid`,
      randomBytes(16).toString('hex'),
    );
  }

  /** Whether exactly one is found by that name. Of names that are only put together nobody knows. Throws as {@link check}. */
  async finds(person: string): Promise<boolean> {
    return (await this.#nameOf(person)) !== undefined;
  }

  close(): void {
    this.#searches.close();
    this.#binds.close();
  }

  /** What somebody is bound as; undefined for nobody. */
  async #nameOf(person: string): Promise<string | undefined> {
    const { person: way } = this.#settings;
    if ('bindDn' in way) return canBeSomebody(person, way.bindDn) ? boundName(way.bindDn, person) : undefined;
    // The filter is a kind of DN in this: any value can stand in it.
    const isPossible = canBeSomebody(person, '=');
    const found = await this.#search(way, isPossible ? person : randomBytes(8).toString('hex'));
    return isPossible ? found : undefined;
  }

  async #search({ baseDn, filter }: PersonSearch, person: string): Promise<string | undefined> {
    const text = filled(filter, person, escapedForFilter);
    try {
      const found = await this.#searches.use((connection) => connection.search(baseDn, text));
      // To be bound as the entry without a name is to be nobody, and always granted.
      return found.length === 1 && found[0] !== '' ? found[0] : undefined;
    } catch (error) {
      // Two or more: nobody knows who is meant.
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
