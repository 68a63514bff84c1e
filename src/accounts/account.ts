import type { CourierKind } from '../message/courier-kind.ts';

/** Something secret that prints as nothing. */
export interface StoredPassword {
  /** A PHC string from {@link hashPassword}, or the password itself. */
  reveal(): string;
}

/** Who may log in, what they may do, and which mailbox that means. */
export interface Account {
  readonly username: string;
  /** Absent: only its networks open it. */
  readonly password?: StoredPassword;
  /** Networks (CIDR) and addresses from which it may send without a password. */
  readonly networks: readonly string[];
  /** What ends a message from its networks; `crlf` where left out. */
  readonly endOfData?: 'crlf' | 'lf';
  /** Name of the connection. */
  readonly connection: string;
  /** User principal name. */
  readonly mailbox: string;
  /** Absent: may not send. */
  readonly send?: CourierKind;
  /** Absent: may not read. */
  readonly read?: 'imap' | 'pop3' | 'graph';
  readonly delivery: 'queued' | 'direct';
  /** Seconds in which the same message is not taken twice; absent: it is. */
  readonly dropDuplicates?: number;
  /** Address that all its mail is sent as, whatever From and reverse-path say. */
  readonly forceFrom?: string;
  /** Reverse-paths and From addresses it may use; `*@domain` for all of a domain. */
  readonly senders: readonly string[];
}

/**
 * Whether an account may act as the authorization identity that its client gave (RFC 4616 section 2): under its own
 * names alone. Undefined: the client gave none.
 */
export function mayActAs(
  { username, mailbox }: Pick<Account, 'username' | 'mailbox'>,
  authorizationId: string | undefined,
): boolean {
  return authorizationId === undefined || [username, mailbox].map(folded).includes(folded(authorizationId));
}

/** A name as it is compared: case and composition do not count. */
export function folded(name: string): string {
  return name.normalize('NFC').toLowerCase();
}
