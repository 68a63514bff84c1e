/** Something to do once a message is finished. The queue knows what it is for as little as who does it. */
export interface NewFollowUp {
  readonly connection: string;
  readonly mailbox: string;
  /** What whoever does it has to know of the message, which may be forgotten by then. */
  readonly note: string;
  /** How many times it has to be done; absent where nobody knows. */
  readonly times?: number;
  /** Milliseconds since 1970. */
  readonly dueAtMs: number;
}

/** The same as the store keeps it. */
export interface FollowUp extends NewFollowUp {
  /** Of the message. */
  readonly id: string;
  /** When it was last asked for. */
  readonly sinceMs: number;
  /** How often it was tried since. */
  readonly tries: number;
}

/** What has become of a follow-up: it is over, or what is left of it falls due later. */
export type FollowUpChange =
  | { readonly id: string; readonly over: true }
  | { readonly id: string; readonly done: number; readonly tries: number; readonly dueAtMs: number };
