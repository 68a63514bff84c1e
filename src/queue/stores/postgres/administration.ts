import { type Database, slowDeadlineMs } from '../../../postgres/database.ts';
import { durably } from '../../../postgres/durability.ts';
import { messageStates } from '../../message.ts';
import type { QueueFilter, QueueTotal } from '../../store.ts';
import { filterCondition, type SqlCondition } from './filter.ts';
import { among } from './writes/fence.ts';

/** Messages changed by one statement: no lock lasts long, and no transaction holds up the vacuum. */
const atATime = 2000;

/**
 * Makes the statement that changes a batch of messages, whose ids are in `batch`; it returns the changed ids as
 * `changed`.
 */
type Change = (condition: string) => string;

/**
 * Changes all messages that match a filter, batch by batch in id order. Messages that arrive meanwhile, or that others
 * change, may or may not be included.
 * @param table the table to look in
 * @returns how many were changed
 */
async function changeAll(
  db: Database,
  table: 'mailbridge.messages' | 'mailbridge.everything',
  { sql: condition, values }: SqlCondition,
  change: Change,
): Promise<number> {
  const after = `$${values.length + 1}`;
  const statement = `
    WITH batch AS MATERIALIZED (
      SELECT m.id FROM ${table} m WHERE ${condition} AND m.id > ${after} ORDER BY m.id LIMIT ${atATime}
    ),
    ${change(condition)}
    SELECT (SELECT count(*) FROM changed) AS changed, (SELECT count(*) FROM batch) AS found,
      (SELECT max(id) FROM batch) AS last, ${durably}`;
  let total = 0;
  for (let last = ''; ; ) {
    const [row] = await db.ask(statement, [...values, last], { deadlineMs: slowDeadlineMs, once: true });
    total += row?.changed as number;
    if ((row?.found as number) < atATime) return total;
    last = row?.last as string;
  }
}

/** A filter combined with another condition. */
function and(filter: QueueFilter, condition: string): SqlCondition {
  const { sql, values } = filterCondition(filter);
  return { sql: `${sql} AND ${condition}`, values };
}

/** See {@link QueueStore.hold}. */
export async function holdAll(db: Database, filter: QueueFilter): Promise<number> {
  return await changeAll(
    db,
    'mailbridge.messages',
    and(filter, `m.state = 'queued'`),
    () => `
      changed AS (
        UPDATE mailbridge.messages SET state = 'held' WHERE ${among('id', 'batch')} AND state = 'queued' RETURNING id
      )`,
  );
}

/** See {@link QueueStore.release}. */
export async function releaseAll(db: Database, filter: QueueFilter, nowMs: number): Promise<number> {
  const now = Math.round(nowMs);
  const hasBody = `EXISTS (SELECT FROM mailbridge.bodies b WHERE b.message_id = m.id AND b.part = 0)`;
  return await changeAll(
    db,
    'mailbridge.messages',
    filterCondition(filter),
    () => `
      changed AS (
        UPDATE mailbridge.messages m SET next_attempt_at = ${now}, finished_at = NULL, damage = NULL,
          expires_at = CASE state WHEN 'queued' THEN expires_at
            ELSE greatest(expires_at, ${now} + expires_at - received_at) END,
          recipients = CASE state WHEN 'failed'
            THEN replace(recipients::text, '"state": "failed"', '"state": "pending"')::jsonb ELSE recipients END,
          state = 'queued'
        WHERE ${among('id', 'batch')} AND ${hasBody} RETURNING id
      )`,
  );
}

/** See {@link QueueStore.hasten}. */
export async function hastenAll(db: Database, nowMs: number): Promise<void> {
  const later = `m.state = 'queued' AND m.next_attempt_at > ${Math.round(nowMs)}`;
  await changeAll(
    db,
    'mailbridge.messages',
    { sql: later, values: [] },
    () => `
      changed AS (
        UPDATE mailbridge.messages m SET next_attempt_at = ${Math.round(nowMs)}
        WHERE ${among('id', 'batch')} AND ${later} RETURNING id
      )`,
  );
}

/** Removes messages with everything about them; of their attempts only the amount sent stays, not the recipients. */
const remove: Change = (condition) => `
  open AS (DELETE FROM mailbridge.messages m WHERE ${among('m.id', 'batch')} AND ${condition} RETURNING id),
  done AS (DELETE FROM mailbridge.delivered WHERE ${among('id', 'batch')} RETURNING id),
  changed AS MATERIALIZED (SELECT id FROM open UNION ALL SELECT id FROM done),
  bodies AS (DELETE FROM mailbridge.bodies WHERE ${among('message_id', 'open')}),
  unfinished AS (DELETE FROM mailbridge.unfinished WHERE ${among('message_id', 'changed')}),
  tries AS (DELETE FROM mailbridge.attempts WHERE ${among('message_id', 'changed')} AND delivered = 0),
  counts AS (
    UPDATE mailbridge.attempts SET outcomes = '[]', upstream_id = NULL, passed_over = NULL
    WHERE ${among('message_id', 'changed')} AND delivered > 0
  )`;

/** See {@link QueueStore.remove}. */
export async function removeAll(db: Database, filter: QueueFilter): Promise<number> {
  return await changeAll(db, 'mailbridge.everything', filterCondition(filter), remove);
}

/** See {@link QueueStore.purge}. */
export async function purgeAll(
  db: Database,
  before: { readonly deliveredMs: number; readonly failedMs: number },
): Promise<number> {
  const failed = `m.finished_at < ${Math.ceil(before.failedMs)} AND m.state = 'failed'`;
  const others = `m.finished_at < ${Math.ceil(before.deliveredMs)} AND m.state <> 'failed'`;
  return (
    (await changeAll(db, 'mailbridge.everything', { sql: failed, values: [] }, remove)) +
    (await changeAll(db, 'mailbridge.everything', { sql: others, values: [] }, remove))
  );
}

/** See {@link QueueStore.quarantine}. */
export async function quarantine(db: Database, id: string, damage: string): Promise<void> {
  await db.ask(
    `WITH changed AS (UPDATE mailbridge.messages SET state = 'quarantined', damage = $2 WHERE id = $1)
     SELECT ${durably}`,
    [id, damage],
  );
}

/** See {@link QueueStore.totals}. */
export async function totalsOf(db: Database, filter: QueueFilter): Promise<QueueTotal[]> {
  const { sql, values } = filterCondition(filter);
  const rows = await db.ask(
    `SELECT min(m.mailbox) AS mailbox, m.state, count(*) AS messages, sum(m.size) AS octets,
       min(m.received_at) AS oldest
     FROM mailbridge.everything m WHERE ${sql} GROUP BY lower(m.mailbox), m.state ORDER BY lower(m.mailbox), m.state`,
    values,
    { deadlineMs: slowDeadlineMs, once: true },
  );
  return rows.map((row) => ({
    mailbox: row.mailbox as string,
    state: messageStates.find((each) => each === row.state) ?? 'quarantined',
    messages: row.messages as number,
    octets: row.octets as number,
    oldestReceivedAtMs: row.oldest as number,
  }));
}
