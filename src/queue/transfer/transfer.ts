import type { StoredRecord } from '../../base/record-table.ts';
import type { FollowUp } from '../follow-ups/follow-up.ts';
import type { AttemptRecord, QueuedMessage } from '../message.ts';
import type { QueueStore, Spool } from '../store.ts';

/** An attempt as a store keeps it. */
export interface KeptAttempt {
  /** Of the message; of a delivery that the queue never held, of nothing else. */
  readonly id: string;
  readonly number: number;
  readonly destination: string;
  /** Recipients that were served, and of these those outside the tenant. */
  readonly delivered: number;
  readonly external: number;
  /** Without outcomes where the message is gone, and only the limits need the attempt. */
  readonly record: AttemptRecord;
}

/** All that a store knows of a message, but its body. */
export interface KeptMessage {
  readonly message: QueuedMessage;
  /** CRC-32 of the body; undefined where it is not known, or the body is not kept any more. */
  readonly bodyCrc: number | undefined;
  /** The sender was told that the message waits, or need not be. */
  readonly isDelayTold: boolean;
  readonly attempts: readonly KeptAttempt[];
}

/**
 * Takes all that a store holds to another one, while nobody else uses either. Whatever is taken in twice is there once:
 * what is there already stays as it is.
 */
export interface StoreTransfer {
  /** Messages of every state from behind an id, in the order of the ids. */
  messages(afterId: string, limit: number): Promise<readonly KeptMessage[]>;
  /** Attempts of which the message is gone, from behind one, in the order of ids and numbers. */
  counts(after: Pick<KeptAttempt, 'id' | 'number'>, limit: number): Promise<readonly KeptAttempt[]>;
  /** Records of one kind from behind a key, in the order of the keys, expired ones included. */
  records(kind: string, afterKey: string, limit: number): Promise<readonly (readonly [key: string, StoredRecord])[]>;
  /**
   * Takes the body of a message; its commit takes the message, under its own id and in its own state. It is quarantined
   * where the body is not the one that it should be, and its body kept as it is.
   */
  spool(kept: KeptMessage): Promise<Spool>;
  /** Takes a message without a body; it is quarantined where it should have one. @returns the message as it is here */
  adopt(kept: KeptMessage): Promise<QueuedMessage>;
  adoptCounts(counts: readonly KeptAttempt[]): Promise<void>;
  adoptFollowUps(followUps: readonly FollowUp[]): Promise<void>;
  /** Forgets messages, and all that is known of them: another store has them. */
  forget(ids: readonly string[]): Promise<void>;
}

/** A store that can be moved to another. */
export interface MovableStore extends QueueStore {
  readonly transfer: StoreTransfer;
}
