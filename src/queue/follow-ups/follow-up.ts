/** Something to do once a message is finished. The queue knows neither what it is for nor who does it. */
export interface NewFollowUp {
  readonly connection: string;
  readonly mailbox: string;
  /** What that code has to know about the message, which may be forgotten by then. */
  readonly note: string;
  /** How many times it has to be done; absent if unknown. */
  readonly times?: number;
  /** Milliseconds since 1970. */
  readonly dueAtMs: number;
}

/** The follow-up as the store keeps it. */
export interface FollowUp extends NewFollowUp {
  /** The id of the message. */
  readonly id: string;
  /** When it was last requested. */
  readonly sinceMs: number;
  /** How often it was tried since. */
  readonly tries: number;
}

/** The result for a follow-up: it is over, or the rest falls due later. */
export type FollowUpChange =
  | { readonly id: string; readonly over: true }
  | { readonly id: string; readonly done: number; readonly tries: number; readonly dueAtMs: number };
