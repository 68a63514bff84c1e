import type { MailChanges } from '../accounts/mail-changes.ts';
import type { CourierOrder } from '../message/courier-kind.ts';

/** What a submission session has to know about an account. */
export interface SubmissionAccount {
  readonly username: string;
  readonly connection: string;
  /** Used where {@link mailboxFor} is not asked; its domain completes addresses. */
  readonly mailbox: string;
  /** In order of preference. */
  readonly send?: CourierOrder;
  readonly delivery: 'queued' | 'direct';
  /** What ends a message from its networks; default `crlf`. */
  readonly endOfData?: 'crlf' | 'lf';
  /** How long a repeated message is dropped as a duplicate; absent: never. */
  readonly dropDuplicatesMs?: number;
  /** Address that all mail of the account is sent as, whatever the mail itself says. */
  readonly forceFrom?: string;
  /** Changes to its mail, made before the sender rules are checked; absent: none. */
  readonly changes?: MailChanges;
  /** Whether it sends on behalf of an address, and shows that; default: never. */
  isOnBehalf?(address: string): boolean;
  maySendAs(address: string): boolean;
  /**
   * The mailbox that a message is sent as.
   * @param reversePath empty for the null reverse-path
   * @param authors addresses of its From
   */
  mailboxFor(reversePath: string, authors: readonly string[]): string;
}

/** An account that may send. */
export interface SendingAccount extends SubmissionAccount {
  readonly send: CourierOrder;
}

export function maySend(account: SubmissionAccount): account is SendingAccount {
  return account.send !== undefined;
}
