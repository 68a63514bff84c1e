import { domainOf, joinAddress, sameAddress, splitAddress } from '../message/address/address.ts';
import { exactAddresses, mailboxAt } from '../message/address/pattern.ts';
import { ownConnection } from '../message/own-connection.ts';
import { asciiLine } from '../message/safe-text.ts';
import { type Account, folded } from './account.ts';

/** An account as somebody uses it: who they are, and which mailbox they mean. */
export interface AccountLogin {
  readonly account: Account;
  /** The username of the account; of an account for many, the person's own address. */
  readonly username: string;
  /** The mailbox that is opened, and that is sent as where the message says no other. */
  readonly mailbox: string;
  /** The login named the mailbox: then it is sent as, whatever the message says. */
  readonly isMailboxChosen: boolean;
  /** Mailboxes that may be opened and sent as: addresses, and `*@domain`. */
  readonly mailboxes: readonly string[];
  /** Reverse-paths and From addresses that may be used: addresses, and `*@domain`. */
  readonly senders: readonly string[];
}

/** Who logs in to an account by its one name, or by none. */
export function loginOf(account: Account): AccountLogin {
  const { username, mailboxes, senders } = account;
  const mailbox = account.mailbox ?? exactAddresses(mailboxes)[0] ?? '';
  return { account, username, mailbox, isMailboxChosen: false, mailboxes, senders };
}

/**
 * One of the people of an account for many. Their own address is their name, the default mailbox unless the account says
 * another, and a sender they may use. Nobody else's is, unless the account says so.
 */
export function loginOfPerson(account: Account, person: string): AccountLogin {
  const { mailbox = person, mailboxes, senders } = account;
  return {
    account,
    username: person,
    mailbox,
    isMailboxChosen: false,
    mailboxes: withFirst(mailbox, mailboxes),
    senders: withFirst(mailbox, senders),
  };
}

function withFirst(first: string, others: readonly string[]): string[] {
  return [first, ...others.filter((each) => !sameAddress(each, first))];
}

/** The allowed mailbox that an address names, in the spelling of the configuration; undefined where it is not allowed. */
export function allowedMailbox(mailboxes: readonly string[], address: string): string | undefined {
  const exact = exactAddresses(mailboxes).find((each) => sameAddress(each, address));
  if (exact !== undefined) return exact;
  for (const pattern of mailboxes) {
    const mailbox = mailboxAt(pattern, address);
    if (mailbox !== undefined) return mailbox;
  }
  return undefined;
}

/**
 * The login as it means another of its mailboxes; undefined where that is not allowed.
 * @param name an address, or its local part at the domain of the default mailbox
 */
export function withMailbox(login: AccountLogin, name: string): AccountLogin | undefined {
  const address = splitAddress(name).domain === '' ? joinAddress(name, domainOf(login.mailbox)) : name;
  const mailbox = allowedMailbox(login.mailboxes, address);
  return mailbox === undefined ? undefined : { ...login, mailbox, isMailboxChosen: true };
}

/**
 * The login as its client's authorization identity wants it (RFC 4616 section 2): under its own name, or for one of its
 * mailboxes. Undefined for any other identity.
 * @param authorizationId undefined: the client gave none
 */
export function actingAs(login: AccountLogin, authorizationId: string | undefined): AccountLogin | undefined {
  if (authorizationId === undefined || folded(authorizationId) === folded(login.username)) return login;
  if (splitAddress(authorizationId).domain === '') return undefined;
  return withMailbox(login, authorizationId);
}

/** What is said of a mailbox that a login asked for and may not use. Whether there is one of that name is not told. */
export function refusedMailboxText({ username }: AccountLogin, asked: string): string {
  return `Account ${username} may not use the mailbox ${asciiLine(asked, 100)} (login-other-mailbox)`;
}

/** The connection over which a login reaches its mailbox. */
export function connectionOfLogin({ account, mailbox }: Pick<AccountLogin, 'account' | 'mailbox'>): string {
  const { connection, ownSignIn } = account;
  return ownSignIn ? ownConnection(connection, mailbox) : connection;
}
