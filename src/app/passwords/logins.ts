import { folded } from '../../accounts/account.ts';
import { LoginNames } from '../../accounts/login-names.ts';
import { BridgeError } from '../../base/errors.ts';
import { suggestion } from '../../config/nearest.ts';
import type { Config } from '../../config/schema.ts';
import { patternDomain } from '../../message/address/pattern.ts';

const toldAtMost = 10;

/** The login names of a configuration's accounts. */
export class ConfiguredLogins {
  readonly #names: LoginNames;
  readonly #usernames: readonly string[];

  constructor({ accounts }: Pick<Config, 'accounts'>) {
    this.#names = new LoginNames(accounts.map(({ passwordFrom: _, ...each }) => ({ ...each, networks: [] })));
    this.#usernames = accounts.map(({ username }) => username);
  }

  /** Whether an account includes that name. @param login as the bridge knows it */
  covers(login: string): boolean {
    return this.#find(login) === login;
  }

  /** Username of the account that a login opens; undefined if there is none. @param login as the bridge knows it */
  accountOf(login: string): string | undefined {
    const found = this.#names.resolve(login)?.login;
    return found && folded(found.username) === login ? found.account.username : undefined;
  }

  /** A login as the bridge knows it, from any form that was typed. @throws BridgeError `login-unknown` */
  known(typed: string): string {
    const login = this.#find(typed);
    if (login !== undefined) return login;
    const domain = this.#patternDomain(typed);
    if (domain !== undefined) {
      throw new BridgeError('login-unknown', `${typed} is many people, and an app password is one person's.`, {
        remedy: `Name one of them, such as anna@${domain}.`,
      });
    }
    const told = this.#usernames.slice(0, toldAtMost).join(', ');
    const more = this.#usernames.length > toldAtMost ? ', …' : '';
    const meant = suggestion(typed, this.#usernames).replace(/\?$/, '');
    throw new BridgeError('login-unknown', `No account has the login "${typed}"${meant === '' ? '.' : `${meant}?`}`, {
      remedy: `The accounts are ${told}${more}. Name one of them, or an address that one with * covers.`,
    });
  }

  /** As {@link known}, but a name that no account covers any more is returned unchanged. */
  knownOrGone(typed: string): string {
    return this.#find(typed) ?? folded(typed);
  }

  /** The domain, if the username of an account for many people was typed. */
  #patternDomain(typed: string): string | undefined {
    const isOne = this.#usernames.some((username) => folded(username) === folded(typed));
    return isOne ? patternDomain(typed) : undefined;
  }

  #find(typed: string): string | undefined {
    const login = this.#names.resolve(typed)?.login;
    return login && folded(login.username);
  }
}
