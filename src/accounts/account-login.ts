import { domainOf, joinAddress, sameAddress, splitAddress } from '../message/address/address.ts';
import { exactAddresses, mailboxAt } from '../message/address/pattern.ts';
import { ownConnection } from '../message/own-connection.ts';
import { asciiLine } from '../message/safe-text.ts';
import { type Account, folded } from './account.ts';

/** A logged-in user of an account: who they are, and which mailbox they mean. */
export interface AccountLogin {
  readonly account: Account;
  /** The username of the account; for an account for everybody (`*@domain`), the person's own address. */
  readonly username: string;
  /** The mailbox to open, and to send as unless the message names another. */
  readonly mailbox: string;
  /** The login named the mailbox: it is then the one to send as, whatever the message says. */
  readonly isMailboxChosen: boolean;
  /** Mailboxes the login may open and send as: addresses, and `*@domain`. */
  readonly mailboxes: readonly string[];
  /** Permitted reverse-paths and From addresses: addresses, and `*@domain`. */
  readonly senders: readonly string[];
}

/** Returns the login to an account by its only name, or without a name. */
export function loginOf(account: Account): AccountLogin {
  const { username, mailboxes, senders } = account;
  const mailbox = account.mailbox ?? exactAddresses(mailboxes)[0] ?? '';
  return { account, username, mailbox, isMailboxChosen: false, mailboxes, senders };
}

/**
 * Returns the login of one person of an account for everybody. The person's own address is their name, the default
 * mailbox unless the account sets another, and a permitted sender. Other people's addresses are not, unless the account
 * permits them.
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

/**
 * Finds the allowed mailbox that an address names, in the spelling of the configuration; undefined if it is not
 * allowed.
 */
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
 * Returns the login with another of its mailboxes; undefined if that is not allowed.
 * @param name an address, or its local part at the domain of the default mailbox
 */
export function withMailbox(login: AccountLogin, name: string): AccountLogin | undefined {
  const address = splitAddress(name).domain === '' ? joinAddress(name, domainOf(login.mailbox)) : name;
  const mailbox = allowedMailbox(login.mailboxes, address);
  return mailbox === undefined ? undefined : { ...login, mailbox, isMailboxChosen: true };
}

/**
 * Returns the login for its client's authorization identity (RFC 4616 section 2): under its own name, or for one of its
 * mailboxes. Undefined for any other identity.
 * @param authorizationId undefined if the client sent none
 */
export function actingAs(login: AccountLogin, authorizationId: string | undefined): AccountLogin | undefined {
  if (authorizationId === undefined || folded(authorizationId) === folded(login.username)) return login;
  if (splitAddress(authorizationId).domain === '') return undefined;
  return withMailbox(login, authorizationId);
}

/** The refusal of a mailbox that a login asked for and may not use. It does not reveal whether the mailbox exists. */
export function refusedMailboxText({ username }: AccountLogin, asked: string): string {
  return `Account ${username} may not use the mailbox ${asciiLine(asked, 100)} (login-other-mailbox)`;
}

/** Returns the connection over which a login reaches its mailbox. */
export function connectionOfLogin({ account, mailbox }: Pick<AccountLogin, 'account' | 'mailbox'>): string {
  const { connection, ownSignIn } = account;
  return ownSignIn ? ownConnection(connection, mailbox) : connection;
}
