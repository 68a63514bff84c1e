import type { StoredRecord } from '../../base/record-table.ts';
import type { FollowUp } from '../follow-ups/follow-up.ts';
import type { AttemptRecord, QueuedMessage } from '../message.ts';
import type { QueueStore, Spool } from '../store.ts';

/** An attempt as a store keeps it. */
export interface KeptAttempt {
  /** Id of the message; for a delivery outside the queue, used for nothing else. */
  readonly id: string;
  readonly number: number;
  readonly destination: string;
  /** Recipients that were served, and those of them outside the tenant. */
  readonly delivered: number;
  readonly external: number;
  /** Without outcomes if the message is gone and only the limits need the attempt. */
  readonly record: AttemptRecord;
}

/** Everything that a store knows about a message, except its body. */
export interface KeptMessage {
  readonly message: QueuedMessage;
  /** CRC-32 of the body; undefined if it is unknown, or the body is no longer kept. */
  readonly bodyCrc: number | undefined;
  /** Whether the sender was warned that the message waits, or need not be. */
  readonly isDelayTold: boolean;
  readonly attempts: readonly KeptAttempt[];
}

/**
 * Moves everything that a store holds to another one, while nobody else uses either. What is adopted twice exists once:
 * an existing entry stays as it is.
 */
export interface StoreTransfer {
  /** Messages of every state after an id, ordered by id. */
  messages(afterId: string, limit: number): Promise<readonly KeptMessage[]>;
  /** Attempts whose message is gone, after one, ordered by id and number. */
  counts(after: Pick<KeptAttempt, 'id' | 'number'>, limit: number): Promise<readonly KeptAttempt[]>;
  /** Records of one kind after a key, ordered by key, including expired ones. */
  records(kind: string, afterKey: string, limit: number): Promise<readonly (readonly [key: string, StoredRecord])[]>;
  /**
   * Takes the body of a message; its commit adopts the message, under its own id and in its own state. If the body is
   * not the right one, the message is quarantined and its body kept as it is.
   */
  spool(kept: KeptMessage): Promise<Spool>;
  /** Adopts a message without a body; it is quarantined if it should have one. @returns the message as it is here */
  adopt(kept: KeptMessage): Promise<QueuedMessage>;
  adoptCounts(counts: readonly KeptAttempt[]): Promise<void>;
  adoptFollowUps(followUps: readonly FollowUp[]): Promise<void>;
  /** Forgets messages and everything known about them: another store has them. */
  forget(ids: readonly string[]): Promise<void>;
}

/** A store that can be moved to another. */
export interface MovableStore extends QueueStore {
  readonly transfer: StoreTransfer;
}
