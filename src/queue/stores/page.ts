import { setImmediate } from 'node:timers/promises';
import type { QueuedMessage } from '../message.ts';
import type { PageRequest, QueuePage } from '../store.ts';

/** A stretch of the queue to look through, from the newest message to older ones. */
export interface Sight {
  /** Undefined: from the newest. */
  readonly beforeId: string | undefined;
  /** Messages to look at. */
  readonly rows: number;
  /** Most messages that are given. */
  readonly limit: number;
}

/** What was in sight. */
export interface SeenMessages {
  /** Those that the filter means, the newest first. */
  readonly found: readonly QueuedMessage[];
  /** The oldest message looked at; undefined where nothing older is there. */
  readonly lastId: string | undefined;
}

/** A page without a filter needs no more than it shows; what is seldom is looked for in larger and larger stretches. */
const growth = 4;
const mostRowsInSight = 4000;
/** Beyond that a page ends, with what it has: whoever asked may give up, or go on. */
const mostRowsOfPage = 200_000;

/** Looks through the queue stretch by stretch; between two of them others have their turn. */
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
