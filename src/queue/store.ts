import type { Readable } from 'node:stream';
import type { LearnedPause } from './limits/pause.ts';
import type { AttemptRecord, MessageState, NewMessage, QueuedMessage, QueuedRecipient } from './message.ts';

/** Takes one message in. Nothing is durable, and nothing is in the queue, before {@link commit} resolves. */
export interface Spool {
  /** The queue id that the message will have. */
  readonly id: string;
  /** Octets written so far. */
  readonly size: number;
  /** Adds octets; wait for it before the next call. */
  write(chunk: Buffer): Promise<void> | void;
  /** What was written so far, from the first octet; a new stream at each call. Only before {@link commit}. */
  open(): Readable;
  /**
   * Makes the message durable.
   * @throws BridgeError `queue-full`, and so does {@link write}
   * @returns the message as queued; when it resolves, a loss of power no longer loses the message
   */
  commit(message: NewMessage): Promise<QueuedMessage>;
  /** Drops what was written. Does nothing after a commit. */
  discard(): Promise<void>;
}

/** What an attempt changes. */
export interface AttemptResult {
  readonly attempt: AttemptRecord;
  readonly recipients: readonly QueuedRecipient[];
  readonly state: MessageState;
  readonly nextAttemptAtMs: number;
  /** A notification that enters the queue in the same transaction. */
  readonly bounce?: { readonly message: NewMessage; readonly content: Buffer };
}

/** A message whose time is over, and which is not attempted any more. */
export interface GivenUp {
  readonly recipients: readonly QueuedRecipient[];
  readonly finishedAtMs: number;
  /** A notification that enters the queue in the same transaction. */
  readonly bounce?: AttemptResult['bounce'];
}

/** Which messages. Everything given must hold. Upper and lower case are the same in all but ids and connections. */
export interface QueueFilter {
  readonly ids?: readonly string[];
  readonly states?: readonly MessageState[];
  readonly account?: string;
  readonly connection?: string;
  readonly mailbox?: string;
  /** One of the recipients; `*` stands for any characters. */
  readonly recipient?: string;
  /** Received before then, in milliseconds since 1970. */
  readonly receivedBeforeMs?: number;
  /** Received then or later. */
  readonly receivedSinceMs?: number;
  /** What the latest attempt said of a recipient that it did not serve: the whole code, or a part of the text. */
  readonly error?: string;
}

/** How much of a mailbox's mail is in one state. */
export interface QueueTotal {
  readonly mailbox: string;
  readonly state: MessageState;
  readonly messages: number;
  /** Octets of their bodies; those of delivered messages are gone from the disk. */
  readonly octets: number;
  readonly oldestReceivedAtMs: number;
}

/** When a destination next has something to do. */
export interface DestinationDue {
  readonly destination: string;
  readonly nextAttemptAtMs: number;
}

/** What an attempt has sent, for limits that outlive a restart. */
export interface SentCount {
  readonly startedAtMs: number;
  readonly endedAtMs: number;
  /** Those it was delivered to. */
  readonly recipients: number;
  /** Of these, outside the tenant. */
  readonly external: number;
}

/**
 * A durable queue. Every promise of a change resolves once the change is on disk. One bridge uses a store at a time;
 * other processes may read it and change the states of messages.
 */
export interface QueueStore {
  spool(): Spool;
  /** Destinations with queued messages. */
  destinations(): readonly DestinationDue[];
  /** Accounts with queued messages in a destination. */
  accounts(destination: string): readonly string[];
  /** Queued messages of a destination, or of one account in it, that are due, the longest due first. */
  due(destination: string, nowMs: number, limit: number, account?: string): readonly QueuedMessage[];
  /** When the next queued message of a destination falls due after a time; undefined if there is none. */
  nextDueMs(destination: string, afterMs: number): number | undefined;
  get(id: string): QueuedMessage | undefined;
  list(filter: QueueFilter, limit: number): readonly QueuedMessage[];
  /** Sums for each mailbox and state, in that order. */
  totals(filter: QueueFilter): readonly QueueTotal[];
  count(state: MessageState): number;
  /**
   * Whether a message of this size may come in.
   * @throws BridgeError `queue-full`
   */
  assertRoom(octets: number): void;
  /**
   * The octets, from the first; a new stream at each call. Before the last of them comes, their checksum is verified:
   * nobody gets the whole of a damaged message. Its stream fails then, and the message is quarantined.
   * @param options.evenIfDamaged gives whatever is there
   * @throws BridgeError `queue-body-missing`, `queue-body-damaged`
   */
  open(id: string, options?: { readonly evenIfDamaged?: boolean }): Readable;
  attempts(id: string): readonly AttemptRecord[];
  /** Attempts of a destination that delivered something and ended at a time or later. */
  sentSince(destination: string, sinceMs: number): readonly SentCount[];
  /** Likewise those of all destinations of a connection, of such as have nothing queued, too. */
  sentOfConnectionSince(connection: string, sinceMs: number): readonly SentCount[];
  /** Those among them that delivered to somebody outside the tenant. */
  externalSince(connection: string, sinceMs: number): readonly (SentCount & { readonly destination: string })[];
  /** Counts a delivery of which the queue keeps nothing else. */
  countSent(destination: string, sent: SentCount): Promise<void>;
  /** Pauses learned so far; some may be over. */
  pauses(): readonly LearnedPause[];
  /** Takes the place of an earlier pause with the same key. */
  setPause(pause: LearnedPause): Promise<void>;
  endPause(key: string): Promise<void>;
  /** Makes queued messages due later. Does not count as an attempt. */
  defer(ids: readonly string[], untilMs: number): Promise<void>;
  /** @returns the notification as queued, if there was one */
  record(id: string, result: AttemptResult): Promise<QueuedMessage | undefined>;
  /** Makes all queued messages due that are not. */
  hasten(nowMs: number): Promise<void>;
  /** Queued messages of a connection whose time is over, in the order of their ids, from behind an id. */
  expired(connection: string, nowMs: number, afterId: string, limit: number): readonly QueuedMessage[];
  /**
   * Fails a queued message without an attempt.
   * @returns the notification as queued, if there was one
   */
  giveUp(id: string, given: GivenUp): Promise<QueuedMessage | undefined>;
  /** Queued messages, notifications aside, that came before a time and whose sender has not been told that they wait. */
  delayed(receivedBeforeMs: number, limit: number): readonly QueuedMessage[];
  /**
   * Notes that the sender was told of the delay, or need not be; the warning enters the queue in the same transaction,
   * unless the message is no longer queued.
   * @returns the warning as queued, if there was one
   */
  noteDelayTold(id: string, warning: AttemptResult['bounce']): Promise<QueuedMessage | undefined>;
  /** @returns how many messages there were to change */
  hold(filter: QueueFilter): Promise<number>;
  /**
   * Held, failed and quarantined messages whose body is there are queued again, due at once, with as much time before
   * them as they once had; queued ones become due at once.
   */
  release(filter: QueueFilter, nowMs: number): Promise<number>;
  remove(filter: QueueFilter): Promise<number>;
  /** Sets one message aside as damaged. */
  quarantine(id: string, damage: string): Promise<void>;
  /** Forgets messages that were delivered or given up before a time. */
  purge(before: { readonly deliveredMs: number; readonly failedMs: number }): Promise<number>;
  /** Forgets what {@link sentSince} would give of attempts from before a time whose messages are gone. */
  purgeCounts(startedBeforeMs: number): Promise<void>;
  /** Changes whenever another process has changed the store. */
  foreignChanges(): number;
  close(): Promise<void>;
}
