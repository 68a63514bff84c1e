import { setImmediate } from 'node:timers/promises';
import type { QueuedMessage } from '../message.ts';
import type { PageRequest, QueuePage } from '../store.ts';

/** A part of the queue to look through, from the newest message to older ones. */
export interface Sight {
  /** Undefined: from the newest. */
  readonly beforeId: string | undefined;
  /** Messages to look at. */
  readonly rows: number;
  /** Most messages to return. */
  readonly limit: number;
}

/** The messages found in a sight. */
export interface SeenMessages {
  /** Those that match the filter, newest first. */
  readonly found: readonly QueuedMessage[];
  /** The oldest message looked at; undefined if there is none older. */
  readonly lastId: string | undefined;
}

/** A page without a filter only needs what it shows; rare messages are looked for in larger and larger parts. */
const growth = 4;
const mostRowsInSight = 4000;
/** A page ends after this many rows with what it has: the caller may give up or continue. */
const mostRowsOfPage = 200_000;

/** Looks through the queue part by part; others get their turn in between. */
export async function pageOf(
  { limit, beforeId }: PageRequest,
  see: (sight: Sight) => Promise<SeenMessages>,
): Promise<QueuePage> {
  const messages: QueuedMessage[] = [];
  let before = beforeId;
  for (let rows = limit + 1, seen = 0; ; rows = Math.min(rows * growth, mostRowsInSight)) {
    const { found, lastId } = await see({ beforeId: before, rows, limit: limit - messages.length });
    messages.push(...found);
    const last = messages.at(-1);
    if (messages.length === limit && last) return { messages, next: last.id };
    if (lastId === undefined) return { messages };
    seen += rows;
    before = lastId;
    if (seen >= mostRowsOfPage) return { messages, next: lastId };
    await setImmediate();
  }
}
