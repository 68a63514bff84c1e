/** What a submission session has to know of an account. */
export interface SubmissionAccount {
  readonly username: string;
  readonly connection: string;
  readonly mailbox: string;
  readonly send?: 'graph' | 'smtp';
  readonly delivery: 'queued' | 'direct';
  /** What ends a message from its networks; `crlf` where left out. */
  readonly endOfData?: 'crlf' | 'lf';
  /** How long the same message is not taken twice; absent: it is. */
  readonly dropDuplicatesMs?: number;
  /** Address that all mail of the account is sent as, whatever it says itself. */
  readonly forceFrom?: string;
  maySendAs(address: string): boolean;
}
