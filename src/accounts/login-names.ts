import { normalizeAddress, sameAddress } from '../message/address/address.ts';
import { exactAddresses, isPattern, mailboxAt, patternDomain } from '../message/address/pattern.ts';
import { type Account, folded } from './account.ts';
import { type AccountLogin, loginOf, loginOfPerson, withMailbox } from './account-login.ts';

/** One way to understand what a client gave for its username. */
interface Reading {
  readonly name: string;
  /** Windows' habit: `CONTOSO\alice`. */
  readonly domain?: string;
  /** The mailbox that is meant, as it is written. */
  readonly mailbox?: string;
}

/** Whom a username means. */
export interface ResolvedName {
  readonly login: AccountLogin;
  /** A mailbox that the name asks for and that is not allowed: said once the password has proven right. */
  readonly refusedMailbox?: string;
}

/** The names that accounts are logged in to by. */
export class LoginNames {
  readonly #byUsername = new Map<string, Account>();
  /** Those that an account for many would have among its people, by their address in one spelling. */
  readonly #byOwnAddress = new Map<string, Account>();
  /** Undefined for a mailbox that several accounts have: its address is nobody's name. */
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

  /** Whom a username means, by the first of its readings that names anybody. */
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
   * Every name that a failed login counts against: what a spelling could mean, whether there is such an account or not.
   * So no account has more guesses for its many spellings, and none shows by how soon it is slowed.
   */
  countedNames(username: string): string[] {
    const names = readingsOf(username)
      // The domain of an account for many is in everybody's name there.
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
   * Comes before a mailbox of that address: then two have it. Where there is an account of just that name it is meant,
   * however the name is written: no spelling leads around what that account may not do.
   */
  #person(name: string, domain: string | undefined): AccountLogin | undefined {
    const among = domain === undefined ? this.#patterns : this.#patterns.filter((each) => isNamedBy(each, domain));
    const isBare = !name.includes('@');
    // Of `CONTOSO\alice` at two domains of that name nobody knows which is meant.
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

  /** The default mailbox is another name of the account; any other says which is meant. */
  #byAddress(address: string): AccountLogin | undefined {
    const account = this.#byMailbox.get(folded(address));
    const login = account && loginOf(account);
    return login === undefined || sameAddress(login.mailbox, address) ? login : withMailbox(login, address);
  }
}

/** Whether `CONTOSO` or `contoso.com` is the domain of `*@contoso.com`. */
function isNamedBy({ username }: Account, name: string): boolean {
  const domain = folded(patternDomain(username) ?? '');
  return folded(name) === domain || folded(name) === domain.split('.')[0];
}

/**
 * What a username can mean, the likelier first: an account; `ACCOUNT/MAILBOX` or `ACCOUNT\MAILBOX`, as DavMail and
 * Outlook have it; `DOMAIN\user`, and the same with a mailbox behind it. By its spelling alone.
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
