/** What can happen to a message. `bounced`: a bounce or a delay warning is queued. */
export const messageEvents = ['accepted', 'delivered', 'deferred', 'failed', 'bounced'] as const;
export type MessageEventKind = (typeof messageEvents)[number];

/** Something that happened to a message. */
export interface MessageEvent {
  readonly kind: MessageEventKind;
  /** Username. */
  readonly account: string;
  /** How the account includes the mailbox: the only one, one of several that are listed, or one of a pattern. */
  readonly mailbox: MailboxKind;
  readonly courier: string;
  readonly bytes: number;
}

export type MailboxKind = 'only' | 'listed' | 'pattern';

/**
 * The timed parts of a message's way. `wait`: from when it is due to its attempt, limits and pauses included;
 * `attempt`: to the answer of Microsoft; `whole`: from its first octet to its delivery.
 */
export const hops = ['wait', 'attempt', 'whole'] as const;
export type TimedHop = (typeof hops)[number];

/** Counts what happens in a bridge. None of its methods throws, or takes long. */
export interface BridgeEvents {
  message(event: MessageEvent): void;
  hop(hop: TimedHop, courier: string, ms: number): void;
  /** Mail of a mailbox or a connection has to wait for this long. @param code of the party that asked for it */
  throttled(code: string, ms: number): void;
  /** @param outcome `right`, or why not */
  login(protocol: string, outcome: string): void;
  client(protocol: string, what: 'accepted' | 'rejected'): void;
  /** Octets over the connections of clients, as on the wire. */
  traffic(protocol: string, received: number, sent: number): void;
  /** A token was requested. */
  tokenAsked(resource: string, ms: number, isGiven: boolean): void;
  /** A mailbox was opened for a client. */
  mailboxOpened(protocol: string, ms: number, isOpen: boolean): void;
}
