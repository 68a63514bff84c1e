import type { MessageState, QueuedMessage } from '../../../message.ts';
import type { QueueFilter, QueueSummary } from '../../../store.ts';
import type { SeenMessages, Sight } from '../../page.ts';
import { type MessageRow, messageColumns } from '../../rows.ts';
import { filterCondition } from './filter.ts';
import type { Statements } from './statements.ts';

/** Sorts after every id. */
const newest = '~';

/** See {@link Sight}. @param messageOf returns the readable part of a row */
export function seenMessages(
  db: Statements,
  filter: QueueFilter,
  { beforeId = newest, rows, limit }: Sight,
  messageOf: (row: MessageRow) => QueuedMessage,
): SeenMessages {
  const condition = filterCondition(filter);
  const messages = (where: string, ...values: readonly (string | number)[]) => {
    const statement = `SELECT ${messageColumns} WHERE ${where} AND ${condition.sql} ORDER BY id DESC LIMIT ?`;
    const found = db.sql(statement).all(...values, ...condition.values, limit);
    return (found as unknown as MessageRow[]).map(messageOf);
  };
  // Found by an index of their own.
  if (filter.ids || filter.noticeAbout !== undefined) return { found: messages('id < ?', beforeId), lastId: undefined };
  const inSight = inSightOf(filter);
  const bounds = db.sql(`SELECT count(*) AS n, min(id) AS last FROM (${inSight})`).get(beforeId, rows);
  if (bounds?.last === null) return { found: [], lastId: undefined };
  const last = bounds?.last as string;
  return {
    found: messages(`id IN (${inSight}) AND id >= ?`, beforeId, rows, last),
    lastId: (bounds?.n as number) < rows ? undefined : last,
  };
}

/** Skips delivered messages, of which there are many, if the filter does not include them. */
function inSightOf({ states }: QueueFilter): string {
  const areOpen = states !== undefined && !states.includes('delivered');
  return areOpen
    ? `SELECT id FROM messages INDEXED BY messages_open WHERE state <> 'delivered' AND id < ? ORDER BY id DESC LIMIT ?`
    : 'SELECT id FROM messages WHERE id < ? ORDER BY id DESC LIMIT ?';
}

/** See {@link QueueStore.summary}. */
export function summaryOf(db: Statements): QueueSummary {
  const open: Record<Exclude<MessageState, 'delivered'>, number> = { queued: 0, held: 0, failed: 0, quarantined: 0 };
  const counted = `SELECT state, count(*) AS n FROM messages INDEXED BY messages_open WHERE state <> 'delivered' GROUP BY state`;
  for (const { state, n } of db.sql(counted).all()) open[state as keyof typeof open] = n as number;
  // Ids increase with time.
  const oldest = db
    .sql(
      `SELECT received_at FROM messages INDEXED BY messages_open WHERE state <> 'delivered' AND state = 'queued'
       ORDER BY id LIMIT 1`,
    )
    .get();
  return { open, ...(oldest && { oldestQueuedAtMs: oldest.received_at as number }) };
}

/** See {@link QueueStore.count}: uses only indexes. */
export function countOf(db: Statements, state: MessageState): number {
  const ofOpen = `SELECT count(*) AS n FROM messages INDEXED BY messages_open WHERE state <> 'delivered'`;
  if (state !== 'delivered') return db.sql(`${ofOpen} AND state = ?`).get(state)?.n as number;
  const all = db.sql('SELECT count(*) AS n FROM messages').get()?.n as number;
  return all - (db.sql(ofOpen).get()?.n as number);
}

/** See {@link QueueStore.deliveredSince}. */
export function deliveredSince(db: Statements, sinceMs: number): number {
  const finished = db
    .sql(
      'SELECT count(*) AS n FROM messages INDEXED BY messages_finished WHERE finished_at IS NOT NULL AND finished_at >= ?',
    )
    .get(sinceMs)?.n as number;
  const failed = db
    .sql(`SELECT count(*) AS n FROM messages INDEXED BY messages_open WHERE state <> 'delivered' AND state = 'failed'
         AND finished_at >= ?`)
    .get(sinceMs)?.n as number;
  return finished - failed;
}
