import type { Readable } from 'node:stream';
import type { RecordTable } from '../base/record-table.ts';
import type { CourierKind } from '../message/courier-kind.ts';
import type { FollowUp, FollowUpChange, NewFollowUp } from './follow-ups/follow-up.ts';
import type { ExternalGrants } from './limits/grants.ts';
import type { LearnedPause } from './limits/pause.ts';
import type {
  AttemptRecord,
  MessageState,
  NewMessage,
  Notice,
  QueuedMessage,
  QueuedRecipient,
  UnfinishedAttempt,
} from './message.ts';
import type { Lease, LeaseTable } from './ownership/lease.ts';

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

/** An attempt that is about to begin. */
export interface AttemptStart {
  /** Whose attempt it is; of a message that may have been delivered, whose ambiguous attempt is looked for. */
  readonly courier: CourierKind;
  readonly startedAtMs: number;
}

/** What an attempt changes. */
export interface AttemptResult {
  readonly attempt: AttemptRecord;
  readonly recipients: readonly QueuedRecipient[];
  readonly state: MessageState;
  readonly nextAttemptAtMs: number;
  /** Who sent the message last; undefined: as it was. */
  readonly courier?: CourierKind;
  /** They enter the queue in the same transaction. */
  readonly bounces?: readonly Notice[];
  /** What is to be done once the message is finished; noted in the same transaction. */
  readonly followUp?: NewFollowUp;
  /** Of an attempt that could not be made: what was unfinished before it, and is so still. Default: nothing is. */
  readonly unfinished?: UnfinishedAttempt;
}

/** A message whose time is over, and which is not attempted any more. */
export interface GivenUp {
  readonly recipients: readonly QueuedRecipient[];
  readonly finishedAtMs: number;
  /** They enter the queue in the same transaction. */
  readonly bounces?: readonly Notice[];
}

/** Which messages. Everything given must hold. Upper and lower case are the same in all but ids and connections. */
export interface QueueFilter {
  readonly ids?: readonly string[];
  readonly states?: readonly MessageState[];
  readonly account?: string;
  readonly connection?: string;
  readonly mailbox?: string;
  /** The reverse-path; `*` stands for any characters. */
  readonly sender?: string;
  /** A part of the subject. */
  readonly subject?: string;
  /** A part of the Message-ID. */
  readonly messageId?: string;
  /** The queue id of the message that they, bounces and delay warnings, are about; found by an index. */
  readonly noticeAbout?: string;
  /** One of the recipients; `*` stands for any characters. */
  readonly recipient?: string;
  /** Received before then, in milliseconds since 1970. */
  readonly receivedBeforeMs?: number;
  /** Received then or later. */
  readonly receivedSinceMs?: number;
  /** What the latest attempt said of a recipient that it did not serve: the whole code, or a part of the text. */
  readonly error?: string;
}

/** Which part of what a filter means is asked for, newest first. */
export interface PageRequest {
  /** Most messages that are given. */
  readonly limit: number;
  /** Older ones than this alone: {@link QueuePage.next} of the page before. */
  readonly beforeId?: string;
}

/** A part of what a filter means, newest first. */
export interface QueuePage {
  /** May be fewer than asked for, and none, though more follow: a page looks at no more than so many messages. */
  readonly messages: readonly QueuedMessage[];
  /** Where the next page goes on; undefined where nothing follows. */
  readonly next?: string;
}

/** The queue in numbers. */
export interface QueueSummary {
  /** Messages that are not delivered, by state. */
  readonly open: Readonly<Record<Exclude<MessageState, 'delivered'>, number>>;
  /** When the oldest queued message was received; undefined where none is queued. */
  readonly oldestQueuedAtMs?: number;
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

/** Something that another instance or process has changed. */
export type StoreChange =
  /** Mail was accepted for these destinations, or is due there. */
  | { readonly kind: 'queued'; readonly destinations: readonly string[] }
  /** Messages or their states were changed: nothing that was read before holds. */
  | { readonly kind: 'administered' }
  /** Instances have come or gone, or leases were released or requested. */
  | { readonly kind: 'leases' }
  /** The store cannot be reached any more; or it can again, and changes may have been missed. */
  | { readonly kind: 'unreachable' }
  | { readonly kind: 'reachable' };

/**
 * A durable queue. Every promise of a change resolves once the change is durable, but for what is said to be soft: only
 * a loss of power takes that back. Every call rejects with `queue-unreachable` while the store cannot be reached.
 *
 * What is written about messages on behalf of a destination is written under its lease, where the store has leases:
 * such a write rejects with `lease-lost` when the lease has another owner, and changes nothing.
 */
export interface QueueStore {
  /** Undefined where one instance alone uses the store: everything is its own. */
  readonly leases: LeaseTable | undefined;
  /** Likewise: the limits that it counts by itself are the whole. */
  readonly grants: ExternalGrants | undefined;
  readonly records: RecordTable;
  spool(): Spool;
  /** Destinations with queued messages. */
  destinations(): Promise<readonly DestinationDue[]>;
  /** Accounts with queued messages in a destination. */
  accounts(destination: string): Promise<readonly string[]>;
  /** Queued messages of a destination, or of one account in it, that are due, the longest due first. */
  due(destination: string, nowMs: number, limit: number, account?: string): Promise<readonly QueuedMessage[]>;
  /** When the next queued message of a destination falls due after a time; undefined if there is none. */
  nextDueMs(destination: string, afterMs: number): Promise<number | undefined>;
  get(id: string): Promise<QueuedMessage | undefined>;
  /**
   * The oldest first. Looks at every message where the filter names neither ids nor {@link QueueFilter.noticeAbout}: for
   * commands and small queues.
   */
  list(filter: QueueFilter, limit: number): Promise<readonly QueuedMessage[]>;
  /** The newest first, however large the queue is: neither other questions nor changes wait for it. */
  page(filter: QueueFilter, request: PageRequest): Promise<QueuePage>;
  /** Quick, however many messages are delivered. */
  summary(): Promise<QueueSummary>;
  /** How many messages were delivered then or later, and are still listed. */
  deliveredSince(sinceMs: number): Promise<number>;
  /** Sums for each mailbox and state, in that order. */
  totals(filter: QueueFilter): Promise<readonly QueueTotal[]>;
  count(state: MessageState): Promise<number>;
  /**
   * Whether a message of this size may come in.
   * @throws BridgeError `queue-full`
   */
  assertRoom(bytes: number): Promise<void>;
  /**
   * The octets, from the first; a new stream at each call. Before the last of them comes, their checksum is verified:
   * nobody gets the whole of a damaged message. Its stream fails then, and the message is quarantined.
   * @param options.evenIfDamaged gives whatever is there
   * @throws BridgeError `queue-body-missing`, `queue-body-damaged`
   */
  open(id: string, options?: { readonly evenIfDamaged?: boolean }): Promise<Readable>;
  attempts(id: string): Promise<readonly AttemptRecord[]>;
  /**
   * Attempts of a destination that delivered something and ended at a time or later. One that was begun and never
   * ended counts as one that served all of its recipients now, or an hour after it began where that is earlier: it is
   * not under way for longer.
   */
  sentSince(destination: string, sinceMs: number, nowMs: number): Promise<readonly SentCount[]>;
  /** Likewise those of all destinations of a connection, of such as have nothing queued, too. */
  sentOfConnectionSince(connection: string, sinceMs: number, nowMs: number): Promise<readonly SentCount[]>;
  /** Those among them that delivered to somebody outside the tenant, and have ended. */
  externalSince(
    connection: string,
    sinceMs: number,
  ): Promise<readonly (SentCount & { readonly destination: string })[]>;
  /** Counts a delivery of which the queue keeps nothing else. */
  countSent(destination: string, sent: SentCount): Promise<void>;
  /** Pauses learned so far; some may be over. */
  pauses(): Promise<readonly LearnedPause[]>;
  /** Takes the place of an earlier pause with the same key. Other instances are not told: each learns its own. */
  setPause(pause: LearnedPause): Promise<void>;
  endPause(key: string): Promise<void>;
  /** Makes queued messages due later. Does not count as an attempt. */
  defer(ids: readonly string[], untilMs: number, lease?: Lease): Promise<void>;
  /**
   * Notes that an attempt begins, before anything of it is sent. Until {@link record} or {@link cancelAttempt} the
   * message has an {@link UnfinishedAttempt}, whatever becomes of this process and of the store: one that a loss of power
   * takes beginnings from takes all that waits for unfinished afterwards.
   * @returns the message as it was before; undefined, and nothing is noted, where it is not queued any more
   */
  begin(id: string, attempt: AttemptStart, lease?: Lease): Promise<QueuedMessage | undefined>;
  /** An attempt was not made after all: the message has the unfinished attempt that it had before, or none. Soft. */
  cancelAttempt(id: string, before: UnfinishedAttempt | undefined, lease?: Lease): Promise<void>;
  /**
   * Writes what an attempt came to, and that it has ended ({@link AttemptResult.unfinished} aside).
   * @returns the bounces as queued
   */
  record(id: string, result: AttemptResult, lease?: Lease): Promise<readonly QueuedMessage[]>;
  /** Makes all queued messages due that are not. */
  hasten(nowMs: number): Promise<void>;
  /** Queued messages of a connection whose time is over, in the order of their ids, from behind an id. */
  expired(connection: string, nowMs: number, afterId: string, limit: number): Promise<readonly QueuedMessage[]>;
  /**
   * Fails a queued message without an attempt.
   * @returns the bounces as queued
   */
  giveUp(id: string, given: GivenUp, lease?: Lease): Promise<readonly QueuedMessage[]>;
  /**
   * Queued messages, notifications aside, that came before a time and whose sender has not been told that they wait, in
   * the order of their ids, from behind an id.
   */
  delayed(receivedBeforeMs: number, afterId: string, limit: number): Promise<readonly QueuedMessage[]>;
  /**
   * Notes that the sender was told of the delay, or need not be; the warning enters the queue in the same transaction,
   * unless the message is no longer queued, or its sender was told meanwhile.
   * @returns the warning as queued, if there was one
   */
  noteDelayTold(id: string, warning: Notice | undefined): Promise<QueuedMessage | undefined>;
  /** Notes what is to follow a message that the queue does not hold. */
  addFollowUp(id: string, followUp: NewFollowUp, nowMs: number): Promise<void>;
  /** Destinations of which something is due that is to follow a message, finished or not. */
  followUpDestinations(nowMs: number): Promise<readonly string[]>;
  /** What is due of a destination, the longest due first. */
  followUps(destination: string, nowMs: number, limit: number): Promise<readonly FollowUp[]>;
  changeFollowUps(changes: readonly FollowUpChange[]): Promise<void>;
  /** Makes due what falls due after a time: the clock was set. */
  hastenFollowUps(nowMs: number, latestMs: number): Promise<void>;
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
  /**
   * Tells what other instances and processes change, within a second or two, until the returned function is called.
   * Changes may be told more than once, and several as one.
   */
  subscribe(told: (change: StoreChange) => void): () => void;
  close(): Promise<void>;
}
