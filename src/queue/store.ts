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

/** Accepts one message. Nothing is durable or in the queue before {@link commit} resolves. */
export interface Spool {
  /** The queue id that the message will have. */
  readonly id: string;
  /** Octets written so far. */
  readonly size: number;
  /** Adds octets; wait for it before the next call. */
  write(chunk: Buffer): Promise<void> | void;
  /** The octets written so far, from the first; a new stream at each call. Only before {@link commit}. */
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
  /**
   * The courier of the attempt; for a message that may have been delivered, the courier whose ambiguous attempt is
   * looked for.
   */
  readonly courier: CourierKind;
  readonly startedAtMs: number;
}

/** What an attempt changes. */
export interface AttemptResult {
  readonly attempt: AttemptRecord;
  readonly recipients: readonly QueuedRecipient[];
  readonly state: MessageState;
  readonly nextAttemptAtMs: number;
  /** The courier that sent the message last; undefined: unchanged. */
  readonly courier?: CourierKind;
  /** They enter the queue in the same transaction. */
  readonly bounces?: readonly Notice[];
  /** What to do once the message is finished; recorded in the same transaction. */
  readonly followUp?: NewFollowUp;
  /** For an attempt that could not be made: what was unfinished before it and still is. Default: nothing. */
  readonly unfinished?: UnfinishedAttempt;
}

/** A message whose time is over and that is not attempted any more. */
export interface GivenUp {
  readonly recipients: readonly QueuedRecipient[];
  readonly finishedAtMs: number;
  /** They enter the queue in the same transaction. */
  readonly bounces?: readonly Notice[];
}

/** Selects messages. All conditions given must hold. Case is ignored except in ids and connections. */
export interface QueueFilter {
  readonly ids?: readonly string[];
  readonly states?: readonly MessageState[];
  readonly account?: string;
  readonly connection?: string;
  readonly mailbox?: string;
  /** The reverse-path; `*` matches any characters. */
  readonly sender?: string;
  /** A part of the subject. */
  readonly subject?: string;
  /** A part of the Message-ID. */
  readonly messageId?: string;
  /** The queue id of the message that a bounce or delay warning is about; found by an index. */
  readonly noticeAbout?: string;
  /** One of the recipients; `*` matches any characters. */
  readonly recipient?: string;
  /** Received before then, in milliseconds since 1970. */
  readonly receivedBeforeMs?: number;
  /** Received then or later. */
  readonly receivedSinceMs?: number;
  /** What the latest attempt said of a recipient that it did not serve: the whole code, or a part of the text. */
  readonly error?: string;
}

/** Which part of the matching messages to return, newest first. */
export interface PageRequest {
  /** Most messages to return. */
  readonly limit: number;
  /** Only messages older than this: {@link QueuePage.next} of the page before. */
  readonly beforeId?: string;
}

/** A part of the matching messages, newest first. */
export interface QueuePage {
  /** May be fewer than requested, even none, though more follow: a page looks at a bounded number of messages. */
  readonly messages: readonly QueuedMessage[];
  /** Where the next page continues; undefined if nothing follows. */
  readonly next?: string;
}

/** The queue in numbers. */
export interface QueueSummary {
  /** Messages that are not delivered, by state. */
  readonly open: Readonly<Record<Exclude<MessageState, 'delivered'>, number>>;
  /** When the oldest queued message was received; undefined if none is queued. */
  readonly oldestQueuedAtMs?: number;
}

/** How much of a mailbox's mail is in one state. */
export interface QueueTotal {
  readonly mailbox: string;
  readonly state: MessageState;
  readonly messages: number;
  /** Octets of their bodies; bodies of delivered messages are gone from the disk. */
  readonly octets: number;
  readonly oldestReceivedAtMs: number;
}

/** When a destination next has something to do. */
export interface DestinationDue {
  readonly destination: string;
  readonly nextAttemptAtMs: number;
}

/** What an attempt has sent, for limits that survive a restart. */
export interface SentCount {
  readonly startedAtMs: number;
  readonly endedAtMs: number;
  /** Recipients it was delivered to. */
  readonly recipients: number;
  /** Those of them outside the tenant. */
  readonly external: number;
}

/** A change made by another instance or process. */
export type StoreChange =
  /** Mail was accepted for these destinations, or is due there. */
  | { readonly kind: 'queued'; readonly destinations: readonly string[] }
  /** Messages or their states were changed: nothing read before is valid. */
  | { readonly kind: 'administered' }
  /** Instances have come or gone, or leases were released or requested. */
  | { readonly kind: 'leases' }
  /** The store has become unreachable; or it is reachable again, and changes may have been missed. */
  | { readonly kind: 'unreachable' }
  | { readonly kind: 'reachable' };

/**
 * A durable queue. The promise of a change resolves once the change is durable. Changes described as soft are the
 * exception: only a loss of power undoes them. Every call rejects with `queue-unreachable` while the store cannot be
 * reached.
 *
 * If the store has leases, writes about messages on behalf of a destination are made under its lease: such a write
 * rejects with `lease-lost` when the lease has another owner, and changes nothing.
 */
export interface QueueStore {
  /** Undefined if only one instance uses the store: everything is its own. */
  readonly leases: LeaseTable | undefined;
  /** Undefined for the same reason: the limits that the instance counts are then the whole. */
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
   * Oldest first. Looks at every message if the filter names neither ids nor {@link QueueFilter.noticeAbout}: for
   * commands and small queues.
   */
  list(filter: QueueFilter, limit: number): Promise<readonly QueuedMessage[]>;
  /** Newest first, however large the queue is: neither other queries nor changes wait for it. */
  page(filter: QueueFilter, request: PageRequest): Promise<QueuePage>;
  /** Fast, however many messages are delivered. */
  summary(): Promise<QueueSummary>;
  /** How many messages were delivered then or later, and are still listed. */
  deliveredSince(sinceMs: number): Promise<number>;
  /** Sums for each mailbox and state, in that order. */
  totals(filter: QueueFilter): Promise<readonly QueueTotal[]>;
  count(state: MessageState): Promise<number>;
  /**
   * Checks that a message of this size may come in.
   * @throws BridgeError `queue-full`
   */
  assertRoom(bytes: number): Promise<void>;
  /**
   * The octets, from the first; a new stream at each call. Their checksum is verified before the last of them is
   * delivered: nobody gets the whole of a damaged message. Its stream then fails, and the message is quarantined.
   * @param options.evenIfDamaged returns whatever is there
   * @throws BridgeError `queue-body-missing`, `queue-body-damaged`
   */
  open(id: string, options?: { readonly evenIfDamaged?: boolean }): Promise<Readable>;
  attempts(id: string): Promise<readonly AttemptRecord[]>;
  /**
   * Attempts of a destination that delivered something and ended at this time or later. An attempt that began and never
   * ended counts as having served all of its recipients now, or an hour after it began if that is earlier: no attempt
   * is under way for longer.
   */
  sentSince(destination: string, sinceMs: number, nowMs: number): Promise<readonly SentCount[]>;
  /** The same for all destinations of a connection, including those with nothing queued. */
  sentOfConnectionSince(connection: string, sinceMs: number, nowMs: number): Promise<readonly SentCount[]>;
  /** Those of them that have ended and delivered to recipients outside the tenant. */
  externalSince(
    connection: string,
    sinceMs: number,
  ): Promise<readonly (SentCount & { readonly destination: string })[]>;
  /** Counts a delivery of which the queue keeps nothing else. */
  countSent(destination: string, sent: SentCount): Promise<void>;
  /** Pauses learned so far; some may be over. */
  pauses(): Promise<readonly LearnedPause[]>;
  /** Replaces an earlier pause with the same key. Other instances are not notified: each learns its own. */
  setPause(pause: LearnedPause): Promise<void>;
  endPause(key: string): Promise<void>;
  /** Makes queued messages due later. Does not count as an attempt. */
  defer(ids: readonly string[], untilMs: number, lease?: Lease): Promise<void>;
  /**
   * Records that an attempt begins, before any of it is sent. Until {@link record} or {@link cancelAttempt} the message
   * has an {@link UnfinishedAttempt}, whatever happens to this process and the store: if a loss of power loses
   * beginnings, the store afterwards treats everything that waits as unfinished.
   * @returns the message as it was before; undefined, with nothing recorded, if it is no longer queued
   */
  begin(id: string, attempt: AttemptStart, lease?: Lease): Promise<QueuedMessage | undefined>;
  /** An attempt was not made after all: the message gets back the unfinished attempt it had before, or none. Soft. */
  cancelAttempt(id: string, before: UnfinishedAttempt | undefined, lease?: Lease): Promise<void>;
  /**
   * Writes the outcome of an attempt, and that it has ended (unless {@link AttemptResult.unfinished} is set).
   * @returns the bounces as queued
   */
  record(id: string, result: AttemptResult, lease?: Lease): Promise<readonly QueuedMessage[]>;
  /** Makes all queued messages due that are not. */
  hasten(nowMs: number): Promise<void>;
  /** Queued messages of a connection whose time is over, ordered by id, after an id. */
  expired(connection: string, nowMs: number, afterId: string, limit: number): Promise<readonly QueuedMessage[]>;
  /**
   * Fails a queued message without an attempt.
   * @returns the bounces as queued
   */
  giveUp(id: string, given: GivenUp, lease?: Lease): Promise<readonly QueuedMessage[]>;
  /**
   * Queued messages other than notices that were received before a time and whose sender has had no warning that they
   * wait, ordered by id, after an id.
   */
  delayed(receivedBeforeMs: number, afterId: string, limit: number): Promise<readonly QueuedMessage[]>;
  /**
   * Records that the sender was warned of the delay, or need not be. The warning enters the queue in the same
   * transaction, unless the message is no longer queued or its sender was warned meanwhile.
   * @returns the warning as queued, if there was one
   */
  noteDelayTold(id: string, warning: Notice | undefined): Promise<QueuedMessage | undefined>;
  /** Records a follow-up of a message that the queue does not hold. */
  addFollowUp(id: string, followUp: NewFollowUp, nowMs: number): Promise<void>;
  /** Destinations with due follow-ups of messages, finished or not. */
  followUpDestinations(nowMs: number): Promise<readonly string[]>;
  /** Due follow-ups of a destination, longest due first. */
  followUps(destination: string, nowMs: number, limit: number): Promise<readonly FollowUp[]>;
  changeFollowUps(changes: readonly FollowUpChange[]): Promise<void>;
  /** Makes follow-ups due that fall due after a time: the clock was set. */
  hastenFollowUps(nowMs: number, latestMs: number): Promise<void>;
  /** @returns how many messages were changed */
  hold(filter: QueueFilter): Promise<number>;
  /**
   * Held, failed and quarantined messages whose body exists are queued again, due at once, with as much time as they
   * first had; queued ones become due at once.
   */
  release(filter: QueueFilter, nowMs: number): Promise<number>;
  remove(filter: QueueFilter): Promise<number>;
  /** Sets one message aside as damaged. */
  quarantine(id: string, damage: string): Promise<void>;
  /** Forgets messages that were delivered or given up before a time. */
  purge(before: { readonly deliveredMs: number; readonly failedMs: number }): Promise<number>;
  /** Forgets what {@link sentSince} would return about attempts from before a time whose messages are gone. */
  purgeCounts(startedBeforeMs: number): Promise<void>;
  /**
   * Reports changes by other instances and processes, within a second or two, until the returned function is called. A
   * change may be reported more than once, and several as one.
   */
  subscribe(told: (change: StoreChange) => void): () => void;
  close(): Promise<void>;
}
