import { type Database, slowDeadlineMs } from '../../../postgres/database.ts';
import type { ResultRow } from '../../../postgres/session.ts';
import type { MessageState, QueuedMessage } from '../../message.ts';
import type { QueueFilter, QueueSummary } from '../../store.ts';
import type { SeenMessages, Sight } from '../page.ts';
import { filterCondition, stateCondition } from './filter.ts';
import { messageColumns } from './rows.ts';

/** Sorts after every id. */
const newest = '~';

/** See {@link Sight}. @param messagesOf returns the readable messages of rows */
export async function seenMessages(
  db: Database,
  filter: QueueFilter,
  { beforeId = newest, rows, limit }: Sight,
  messagesOf: (rows: readonly ResultRow[]) => readonly QueuedMessage[],
): Promise<SeenMessages> {
  const wanted = async (sinceId: string) => {
    const { sql, values } = filterCondition(filter);
    const $ = (index: number) => `$${values.length + index}`;
    const statement = `
      WITH wanted AS MATERIALIZED (
        SELECT m.* FROM mailbridge.everything m WHERE m.id < ${$(1)} AND m.id >= ${$(2)} AND ${sql}
        ORDER BY m.id DESC LIMIT ${$(3)}
      )
      SELECT ${messageColumns} FROM wanted m LEFT JOIN mailbridge.unfinished u ON u.message_id = m.id
      ORDER BY m.id DESC`;
    return messagesOf(await ask(db, statement, [...values, beforeId, sinceId, limit]));
  };
  // Found by an index of their own.
  if (filter.ids || filter.noticeAbout !== undefined) return { found: await wanted(''), lastId: undefined };
  const [bounds] = await ask(
    db,
    `SELECT count(*) AS n, min(id) AS last FROM (
       SELECT m.id FROM mailbridge.everything m WHERE ${stateCondition(filter.states)} AND m.id < $1
       ORDER BY m.id DESC LIMIT $2
     ) seen`,
    [beforeId, rows],
  );
  const last = bounds?.last as string | null;
  if (last === null) return { found: [], lastId: undefined };
  return { found: await wanted(last), lastId: (bounds?.n as number) < rows ? undefined : last };
}

/** See {@link QueueStore.summary}. */
export async function summaryOf(db: Database): Promise<QueueSummary> {
  const counted = await ask(db, 'SELECT state, count(*) AS n FROM mailbridge.messages GROUP BY state', []);
  const open: Record<Exclude<MessageState, 'delivered'>, number> = { queued: 0, held: 0, failed: 0, quarantined: 0 };
  for (const { state, n } of counted) open[state as keyof typeof open] = n as number;
  // Ids increase with time.
  const [oldest] = await ask(
    db,
    `SELECT received_at FROM mailbridge.messages WHERE state = 'queued' ORDER BY id LIMIT 1`,
    [],
  );
  return { open, ...(oldest && { oldestQueuedAtMs: oldest.received_at as number }) };
}

/** See {@link QueueStore.deliveredSince}. */
export async function deliveredSince(db: Database, sinceMs: number): Promise<number> {
  const statement = 'SELECT count(*) AS n FROM mailbridge.delivered WHERE finished_at >= $1';
  const [row] = await ask(db, statement, [Math.ceil(sinceMs)]);
  return row?.n as number;
}

function ask(db: Database, statement: string, values: readonly unknown[]): Promise<readonly ResultRow[]> {
  return db.ask(statement, values, { deadlineMs: slowDeadlineMs, once: true });
}
