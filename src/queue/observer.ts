import type { CourierKind } from '../message/courier-kind.ts';
import type { MessageState, QueuedMessage } from './message.ts';

/** An attempt that has ended. */
export interface ObservedAttempt {
  readonly courier: CourierKind;
  /** State of the message after the attempt. */
  readonly state: MessageState;
  readonly startedAtMs: number;
  readonly durationMs: number;
}

/** Is notified of what happens to messages, for metrics. Must neither throw nor take long. */
export interface QueueObserver {
  accepted(message: QueuedMessage): void;
  /** @param message as it was before the attempt */
  attempted(message: QueuedMessage, attempt: ObservedAttempt): void;
  /** A message was given up without an attempt. */
  givenUp(message: QueuedMessage): void;
  /** A bounce or a delay warning is queued. */
  noticeQueued(notice: QueuedMessage): void;
  /** A mailbox, or the external mail of a connection, is paused for some time. */
  paused(code: string, forMs: number): void;
}

/** Counts nothing. */
export const noObserver: QueueObserver = {
  accepted() {},
  attempted() {},
  givenUp() {},
  noticeQueued() {},
  paused() {},
};
