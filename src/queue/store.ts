import type { Readable } from 'node:stream';
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

/** Which messages. Everything given must hold. */
export interface QueueFilter {
  readonly ids?: readonly string[];
  readonly states?: readonly MessageState[];
  readonly account?: string;
  readonly mailbox?: string;
  readonly recipient?: string;
}

/** When a lane next has something to do. */
export interface LaneDue {
  readonly lane: string;
  readonly nextAttemptAtMs: number;
}

/** What a lane has sent, for limits that outlive a restart. */
export interface SentCount {
  readonly startedAtMs: number;
  readonly recipients: number;
}

/**
 * A durable queue. Every promise of a change resolves once the change is on disk. One bridge uses a store at a time;
 * other processes may read it and change the states of messages.
 */
export interface QueueStore {
  spool(): Spool;
  /** Lanes with queued messages. */
  lanes(): readonly LaneDue[];
  /** Queued messages of a lane that are due, the longest due first. */
  due(lane: string, nowMs: number, limit: number): readonly QueuedMessage[];
  /** When the next queued message of a lane falls due after a time; undefined if there is none. */
  nextDueMs(lane: string, afterMs: number): number | undefined;
  get(id: string): QueuedMessage | undefined;
  list(filter: QueueFilter, limit: number): readonly QueuedMessage[];
  count(state: MessageState): number;
  /** The octets, from the first; a new stream at each call. Fails with `queue-body-missing` if they are gone. */
  open(id: string): Readable;
  /** Whether {@link open} would give the whole body. */
  hasBody(id: string): boolean;
  attempts(id: string): readonly AttemptRecord[];
  /** Attempts of a lane since a time that delivered something. */
  sentSince(lane: string, sinceMs: number): readonly SentCount[];
  /** @returns the notification as queued, if there was one */
  record(id: string, result: AttemptResult): Promise<QueuedMessage | undefined>;
  /** @returns how many messages there were to change */
  hold(filter: QueueFilter): Promise<number>;
  /** Held or failed messages are queued again, due at once; queued ones become due at once. */
  release(filter: QueueFilter, nowMs: number): Promise<number>;
  remove(filter: QueueFilter): Promise<number>;
  /** Forgets finished messages that finished before a time. */
  purge(finishedBeforeMs: number): Promise<number>;
  /** Changes whenever another process has changed the store. */
  foreignChanges(): number;
  close(): Promise<void>;
}
