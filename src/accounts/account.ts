import { isPattern } from '../message/address/pattern.ts';
import type { CourierOrder } from '../message/courier-kind.ts';
import type { OtherSender } from '../message/sender-way.ts';
import type { MailChanges } from './mail-changes.ts';
import type { PasswordSource } from './password-source.ts';

/** A secret that prints as nothing. */
export interface StoredPassword {
  /** A PHC string from {@link hashPassword}, or the password itself. */
  reveal(): string;
}

/** What determines the mailbox that a message is sent as: the reverse-path, the From header, or neither. */
export type MailboxFrom = 'envelope' | 'header' | 'fixed';

/** Who may log in, what they may do, and which mailboxes that means. */
export interface Account {
  /** A name; or `*@domain`: everybody with an address there, each as a person of their own. */
  readonly username: string;
  /**
   * Absent: it can be used only from its networks, with app passwords, or with passwords checked by `passwordSource`.
   */
  readonly password?: StoredPassword;
  /** Where passwords are checked instead. */
  readonly passwordSource?: PasswordSource;
  /** Networks (CIDR) and addresses from which it may send without a password. */
  readonly networks: readonly string[];
  /** What ends a message from its networks; default `crlf`. */
  readonly endOfData?: 'crlf' | 'lf';
  /** Name of the connection. */
  readonly connection: string;
  /** Each of its mailboxes is reached by its own sign-in. */
  readonly ownSignIn?: boolean;
  /** User principal name of the default mailbox. Absent: for an account for everybody, each person's own mailbox. */
  readonly mailbox?: string;
  /** Mailboxes it may open and send as, including the default one: addresses, and `*@domain`. */
  readonly mailboxes: readonly string[];
  readonly mailboxFrom: MailboxFrom;
  /** In order of preference; absent: may not send. */
  readonly send?: CourierOrder;
  /** Absent: may not read. */
  readonly read?: 'imap' | 'pop3' | 'graph';
  readonly delivery: 'queued' | 'direct';
  /** Seconds in which a duplicate message is not accepted; absent: duplicates are accepted. */
  readonly dropDuplicates?: number;
  /** Address that all its mail is sent as, whatever From and reverse-path say; `true`: the mailbox of the login. */
  readonly forceFrom?: string | true;
  /** Reverse-paths and From addresses it may use; `*@domain` for all of a domain. */
  readonly senders: readonly string[];
  /** Those of the senders that are not the mailbox, each with what permits it. */
  readonly otherSenders?: readonly OtherSender[];
  /** Changes made to the mail it sends; absent: none. */
  readonly changes?: MailChanges;
}

/**
 * Every mailbox that an account reaches, as addresses and patterns; for an account for everybody, also each person's
 * own.
 */
export function reachedMailboxes({
  username,
  mailbox,
  mailboxes,
}: Pick<Account, 'username' | 'mailbox' | 'mailboxes'>): readonly string[] {
  return isPattern(username) && mailbox === undefined ? [...new Set([...mailboxes, username])] : mailboxes;
}

/** Normalizes a name for comparison: case and composition do not count. */
export function folded(name: string): string {
  return name.normalize('NFC').toLowerCase();
}
