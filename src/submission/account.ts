import type { MailChanges } from '../accounts/mail-changes.ts';
import type { CourierOrder } from '../message/courier-kind.ts';

/** What a submission session has to know of an account. */
export interface SubmissionAccount {
  readonly username: string;
  readonly connection: string;
  /** Sent as where {@link mailboxFor} is not asked; its domain completes addresses. */
  readonly mailbox: string;
  /** In order of preference. */
  readonly send?: CourierOrder;
  readonly delivery: 'queued' | 'direct';
  /** What ends a message from its networks; `crlf` where left out. */
  readonly endOfData?: 'crlf' | 'lf';
  /** How long the same message is not taken twice; absent: it is. */
  readonly dropDuplicatesMs?: number;
  /** Address that all mail of the account is sent as, whatever it says itself. */
  readonly forceFrom?: string;
  /** What becomes of its mail before the sender rules are asked; absent: nothing. */
  readonly changes?: MailChanges;
  /** Whether it sends on behalf of an address, and shows that; default: of none. */
  isOnBehalf?(address: string): boolean;
  maySendAs(address: string): boolean;
  /**
   * The mailbox that a message is sent as.
   * @param reversePath empty for the null reverse-path
   * @param authors addresses of its From
   */
  mailboxFor(reversePath: string, authors: readonly string[]): string;
}

/** One that may send. */
export interface SendingAccount extends SubmissionAccount {
  readonly send: CourierOrder;
}

export function maySend(account: SubmissionAccount): account is SendingAccount {
  return account.send !== undefined;
}
