import { isPattern } from '../message/address/pattern.ts';
import type { CourierOrder } from '../message/courier-kind.ts';
import type { OtherSender } from '../message/sender-way.ts';
import type { MailChanges } from './mail-changes.ts';
import type { PasswordSource } from './password-source.ts';

/** Something secret that prints as nothing. */
export interface StoredPassword {
  /** A PHC string from {@link hashPassword}, or the password itself. */
  reveal(): string;
}

/** What says which mailbox a message is sent as: the reverse-path, the From header, or nothing of it. */
export type MailboxFrom = 'envelope' | 'header' | 'fixed';

/** Who may log in, what they may do, and which mailboxes that means. */
export interface Account {
  /** A name; or `*@domain`: everybody who has an address there, each a person of their own. */
  readonly username: string;
  /** Absent: its networks open it, app passwords, and what `passwordSource` checks. */
  readonly password?: StoredPassword;
  /** Where passwords are checked instead. */
  readonly passwordSource?: PasswordSource;
  /** Networks (CIDR) and addresses from which it may send without a password. */
  readonly networks: readonly string[];
  /** What ends a message from its networks; `crlf` where left out. */
  readonly endOfData?: 'crlf' | 'lf';
  /** Name of the connection. */
  readonly connection: string;
  /** Each of its mailboxes is reached by a sign-in of its own. */
  readonly ownSignIn?: boolean;
  /** User principal name of the default mailbox. Absent: the own one of each person, of an account for many. */
  readonly mailbox?: string;
  /** Mailboxes that may be opened and sent as, the default one included: addresses, and `*@domain`. */
  readonly mailboxes: readonly string[];
  readonly mailboxFrom: MailboxFrom;
  /** In order of preference; absent: may not send. */
  readonly send?: CourierOrder;
  /** Absent: may not read. */
  readonly read?: 'imap' | 'pop3' | 'graph';
  readonly delivery: 'queued' | 'direct';
  /** Seconds in which the same message is not taken twice; absent: it is. */
  readonly dropDuplicates?: number;
  /** Address that all its mail is sent as, whatever From and reverse-path say; `true`: the mailbox of the login. */
  readonly forceFrom?: string | true;
  /** Reverse-paths and From addresses it may use; `*@domain` for all of a domain. */
  readonly senders: readonly string[];
  /** Those of them that are not the mailbox, each with what lets it use them. */
  readonly otherSenders?: readonly OtherSender[];
  /** What becomes of the mail it sends; absent: nothing. */
  readonly changes?: MailChanges;
}

/** Every mailbox that an account reaches, as addresses and patterns: of one for many, the own ones of all of them, too. */
export function reachedMailboxes({
  username,
  mailbox,
  mailboxes,
}: Pick<Account, 'username' | 'mailbox' | 'mailboxes'>): readonly string[] {
  return isPattern(username) && mailbox === undefined ? [...new Set([...mailboxes, username])] : mailboxes;
}

/** A name as it is compared: case and composition do not count. */
export function folded(name: string): string {
  return name.normalize('NFC').toLowerCase();
}
