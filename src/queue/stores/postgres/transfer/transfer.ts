import type { StoredRecord } from '../../../../base/record-table.ts';
import { type Database, slowDeadlineMs } from '../../../../postgres/database.ts';
import { durably } from '../../../../postgres/durability.ts';
import type { ResultRow } from '../../../../postgres/session.ts';
import type { FollowUp } from '../../../follow-ups/follow-up.ts';
import { destinationOf, type QueuedMessage } from '../../../message.ts';
import type { Spool } from '../../../store.ts';
import type { KeptAttempt, KeptMessage, StoreTransfer } from '../../../transfer/transfer.ts';
import { type AttemptRow, attemptOfRow } from '../../rows.ts';
import { partBytes } from '../bodies.ts';
import { recordOf } from '../records.ts';
import { jsonOf, messageColumns } from '../rows.ts';
import { PostgresSpool, removeSpools } from '../spool.ts';
import type { BodyEnd } from '../writes/accept.ts';
import { WriteGroup } from '../writes/write-group.ts';
import { type Adoption, adoptAll, adoptCounts, adoption } from './adopt.ts';

const messagesAfter = `
  WITH wanted AS MATERIALIZED (
    SELECT m.* FROM mailbridge.everything m WHERE m.id > $1 ORDER BY m.id LIMIT $2
  )
  SELECT ${messageColumns}, o.crc, coalesce(o.delay_told, false) AS delay_told
  FROM wanted m LEFT JOIN mailbridge.unfinished u ON u.message_id = m.id
  LEFT JOIN mailbridge.messages o ON o.id = m.id ORDER BY m.id`;

const countsAfter = `
  SELECT * FROM mailbridge.attempts a WHERE (a.message_id, a.number) > ($1, $2::integer)
    AND NOT EXISTS (SELECT FROM mailbridge.messages m WHERE m.id = a.message_id)
    AND NOT EXISTS (SELECT FROM mailbridge.delivered d WHERE d.id = a.message_id)
  ORDER BY a.message_id, a.number LIMIT $3`;

const forget = `
  WITH open AS (DELETE FROM mailbridge.messages WHERE id = ANY($1::text[])),
  done AS (DELETE FROM mailbridge.delivered WHERE id = ANY($1::text[])),
  bodies AS (DELETE FROM mailbridge.bodies WHERE message_id = ANY($1::text[])),
  unfinished AS (DELETE FROM mailbridge.unfinished WHERE message_id = ANY($1::text[])),
  tries AS (DELETE FROM mailbridge.attempts WHERE message_id = ANY($1::text[]))
  SELECT ${durably}`;

/** What the store supplies. */
export interface TransferParts {
  /** Identifies this process among all that ever accept mail. */
  readonly by: string;
  messageOf(row: ResultRow): QueuedMessage;
  /** Messages came or went. */
  changed(): void;
}

/** Moves a queue on PostgreSQL to another store, or another store's messages into it. */
export class PostgresTransfer implements StoreTransfer {
  readonly #db: Database;
  readonly #parts: TransferParts;
  readonly #adoptions: WriteGroup<Adoption, true>;

  constructor(db: Database, parts: TransferParts) {
    this.#db = db;
    this.#parts = parts;
    this.#adoptions = new WriteGroup(db, {
      write: (all) => adoptAll(db, all, parts.by),
      bytesOf: ({ body }) => body.last.length,
      atOnce: 2,
      isRepeatable: true,
    });
  }

  async messages(afterId: string, limit: number): Promise<readonly KeptMessage[]> {
    const rows = await this.#db.ask(messagesAfter, [afterId, limit], { deadlineMs: slowDeadlineMs, once: true });
    const attempts = await this.#attemptsOf(rows.map(({ id }) => id as string));
    return rows.map((row) => ({
      message: this.#parts.messageOf(row),
      bodyCrc: (row.crc ?? undefined) as number | undefined,
      isDelayTold: row.delay_told === true,
      attempts: attempts.get(row.id as string) ?? [],
    }));
  }

  async counts({ id, number }: Pick<KeptAttempt, 'id' | 'number'>, limit: number): Promise<readonly KeptAttempt[]> {
    return (await this.#db.ask(countsAfter, [id, number, limit])).map(attemptOf);
  }

  async records(kind: string, afterKey: string, limit: number) {
    const rows = await this.#db.ask(
      `SELECT key, value, version, expires_at FROM mailbridge.records WHERE kind = $1 AND key > $2
       ORDER BY key LIMIT $3`,
      [Buffer.from(kind), Buffer.from(afterKey), limit],
    );
    return rows.map((row): [string, StoredRecord] => [(row.key as Buffer).toString(), recordOf(row)]);
  }

  async spool(kept: KeptMessage): Promise<Spool> {
    const { id, size } = kept.message;
    // Parts of a message that was being moved when an earlier move was interrupted.
    if (size > partBytes) await removeSpools(this.#db, [id]);
    return new PostgresSpool(
      this.#db,
      id,
      (_, __, body) => this.#adopt(kept, body),
      async () => {},
    );
  }

  adopt(kept: KeptMessage): Promise<QueuedMessage> {
    return this.#adopt(kept, undefined);
  }

  async adoptCounts(counts: readonly KeptAttempt[]): Promise<void> {
    await adoptCounts(this.#db, counts);
  }

  async adoptFollowUps(followUps: readonly FollowUp[]): Promise<void> {
    const input = followUps.map((followUp) => ({
      ...followUp,
      destination: destinationOf(followUp),
      times: followUp.times ?? null,
      ...{ since: Math.round(followUp.sinceMs), due: Math.round(followUp.dueAtMs) },
    }));
    await this.#db.ask(
      `WITH adopted AS (
         INSERT INTO mailbridge.follow_ups (message_id, destination, connection, mailbox, note, times, since, due, tries)
         SELECT id, destination, connection, mailbox, note, times, since, due, tries FROM json_to_recordset($1::json)
           AS i (id text, destination text, connection text, mailbox text, note text, times integer, since bigint,
             due bigint, tries integer)
         ON CONFLICT (message_id) DO NOTHING
       )
       SELECT ${durably}`,
      [jsonOf(input)],
    );
  }

  async forget(ids: readonly string[]): Promise<void> {
    await this.#db.ask(forget, [ids]);
    this.#parts.changed();
  }

  async #adopt(kept: KeptMessage, body: BodyEnd | undefined): Promise<QueuedMessage> {
    const entry = adoption(kept, body);
    await this.#adoptions.add(entry);
    this.#parts.changed();
    return entry.message;
  }

  async #attemptsOf(ids: readonly string[]): Promise<ReadonlyMap<string, readonly KeptAttempt[]>> {
    const rows = await this.#db.ask(
      'SELECT * FROM mailbridge.attempts WHERE message_id = ANY($1::text[]) ORDER BY message_id, number',
      [ids],
    );
    return Map.groupBy(rows.map(attemptOf), ({ id }) => id);
  }
}

function attemptOf(row: ResultRow): KeptAttempt {
  return {
    id: row.message_id as string,
    number: row.number as number,
    destination: row.destination as string,
    delivered: row.delivered as number,
    external: row.external as number,
    record: attemptOfRow(row as unknown as AttemptRow),
  };
}
