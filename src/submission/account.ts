import type { CourierKind } from '../message/courier-kind.ts';

/** What a submission session has to know of an account. */
export interface SubmissionAccount {
  readonly username: string;
  readonly connection: string;
  readonly mailbox: string;
  readonly send?: CourierKind;
  readonly delivery: 'queued' | 'direct';
  /** What ends a message from its networks; `crlf` where left out. */
  readonly endOfData?: 'crlf' | 'lf';
  /** How long the same message is not taken twice; absent: it is. */
  readonly dropDuplicatesMs?: number;
  /** Address that all mail of the account is sent as, whatever it says itself. */
  readonly forceFrom?: string;
  maySendAs(address: string): boolean;
}

/** One that may send. */
export interface SendingAccount extends SubmissionAccount {
  readonly send: CourierKind;
}

export function maySend(account: SubmissionAccount): account is SendingAccount {
  return account.send !== undefined;
}
