import { normalizeAddress, sameAddress } from '../message/address/address.ts';
import { exactAddresses, isPattern, mailboxAt, patternDomain } from '../message/address/pattern.ts';
import { type Account, folded } from './account.ts';
import { type AccountLogin, loginOf, loginOfPerson, withMailbox } from './account-login.ts';

/** One way to read a client's username. */
interface Reading {
  readonly name: string;
  /** Windows style: `CONTOSO\alice`. */
  readonly domain?: string;
  /** The requested mailbox, as written. */
  readonly mailbox?: string;
}

/** The account that a username means. */
export interface ResolvedName {
  readonly login: AccountLogin;
  /** A mailbox in the name that is not allowed: reported once the password has proved right. */
  readonly refusedMailbox?: string;
}

/** The names under which accounts can be logged in to. */
export class LoginNames {
  readonly #byUsername = new Map<string, Account>();
  /** Accounts whose name could also be that of a person of an account for everybody, by normalized address. */
  readonly #byOwnAddress = new Map<string, Account>();
  /** Undefined for a mailbox of several accounts: its address is not a login name. */
  readonly #byMailbox = new Map<string, Account | undefined>();
  readonly #patterns: Account[] = [];

  constructor(accounts: readonly Account[]) {
    for (const account of accounts) {
      if (isPattern(account.username)) this.#patterns.push(account);
      else this.#add(account);
    }
  }

  #add(account: Account): void {
    this.#byUsername.set(folded(account.username), account);
    if (account.username.includes('@')) this.#byOwnAddress.set(normalizeAddress(account.username), account);
    for (const mailbox of new Set(exactAddresses(account.mailboxes).map(folded))) {
      this.#byMailbox.set(mailbox, this.#byMailbox.has(mailbox) ? undefined : account);
    }
  }

  /** Finds the account that a username means, by the first reading that matches. */
  resolve(username: string): ResolvedName | undefined {
    for (const { mailbox, ...who } of readingsOf(username)) {
      const login = this.#find(who);
      if (!login) continue;
      const chosen = mailbox === undefined ? login : withMailbox(login, mailbox);
      return chosen ? { login: chosen } : { login, refusedMailbox: mailbox as string };
    }
    return undefined;
  }

  /**
   * Returns every name that a failed login counts against: all that a spelling could mean, whether or not the account
   * exists. So an account's many spellings allow no extra guesses, and how soon a login is slowed does not reveal
   * whether the account exists.
   */
  countedNames(username: string): string[] {
    const names = readingsOf(username)
      // The domain of an account for everybody is part of everybody's name there.
      .filter(({ name }) => !this.#patterns.some((account) => isNamedBy(account, name)))
      .flatMap(({ name, domain }) => [folded(name), this.#person(name, domain)?.username ?? folded(name)]);
    const own = this.resolve(username)?.login.username;
    return [...new Set([folded(own ?? username), ...names])];
  }

  #find({ name, domain }: Reading): AccountLogin | undefined {
    const account = this.#byUsername.get(folded(name));
    if (account) return loginOf(account);
    return this.#person(name, domain) ?? this.#byAddress(name);
  }

  /**
   * Takes precedence over a mailbox of that address; otherwise two accounts would have it. If there is an account of
   * exactly that name, it is the one meant, however the name is written: no spelling gets around that account's
   * restrictions.
   */
  #person(name: string, domain: string | undefined): AccountLogin | undefined {
    const among = domain === undefined ? this.#patterns : this.#patterns.filter((each) => isNamedBy(each, domain));
    const isBare = !name.includes('@');
    // If two domains match `CONTOSO\alice`, it is not clear which one is meant.
    if (isBare && (domain === undefined || among.length > 1)) return undefined;
    for (const account of among) {
      const address = isBare ? `${name}@${patternDomain(account.username)}` : name;
      const person = mailboxAt(account.username, address);
      if (person === undefined) continue;
      const own = this.#byOwnAddress.get(normalizeAddress(person));
      return own ? loginOf(own) : loginOfPerson(account, person);
    }
    return undefined;
  }

  /** The default mailbox is another name of the account; any other selects that mailbox. */
  #byAddress(address: string): AccountLogin | undefined {
    const account = this.#byMailbox.get(folded(address));
    const login = account && loginOf(account);
    return login === undefined || sameAddress(login.mailbox, address) ? login : withMailbox(login, address);
  }
}

/** Tells whether `CONTOSO` or `contoso.com` names the domain of `*@contoso.com`. */
function isNamedBy({ username }: Account, name: string): boolean {
  const domain = folded(patternDomain(username) ?? '');
  return folded(name) === domain || folded(name) === domain.split('.')[0];
}

/**
 * Returns the possible readings of a username, likeliest first: an account; `ACCOUNT/MAILBOX` or `ACCOUNT\MAILBOX`, as
 * DavMail and Outlook write it; `DOMAIN\user`, and the same followed by a mailbox. Considers only the spelling.
 */
function readingsOf(username: string): Reading[] {
  const cut = username.includes('/') ? username.lastIndexOf('/') : username.lastIndexOf('\\');
  const [name, mailbox] = [username.slice(0, Math.max(cut, 0)), username.slice(cut + 1)];
  const hasMailbox = cut > 0 && mailbox !== '';
  return [
    { name: username },
    ...(hasMailbox ? [{ name, mailbox }] : []),
    ...(username.includes('/') ? [] : inDomain(username)),
    ...(hasMailbox ? inDomain(name).map((reading) => ({ ...reading, mailbox })) : []),
  ];
}

function inDomain(text: string): Reading[] {
  const cut = text.indexOf('\\');
  return cut > 0 && cut < text.length - 1 ? [{ domain: text.slice(0, cut), name: text.slice(cut + 1) }] : [];
}
