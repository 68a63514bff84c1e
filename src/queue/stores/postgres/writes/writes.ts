import { randomUUID } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { Database } from '../../../../postgres/database.ts';
import { durably } from '../../../../postgres/durability.ts';
import type { NewMessage, Notice, QueuedMessage, UnfinishedAttempt } from '../../../message.ts';
import type { Lease } from '../../../ownership/lease.ts';
import type { AttemptResult, AttemptStart, GivenUp } from '../../../store.ts';
import { jsonOf } from '../rows.ts';
import {
  type Acceptance,
  acceptAll,
  acceptance,
  acceptanceColumns,
  acceptanceEntries,
  type BodyEnd,
  insertBodies,
  insertMessages,
  withdraw,
} from './accept.ts';
import { fencedBy, leaseEntry, leaseLost } from './fence.ts';
import { type AttemptOutcome, type GivingUp, giveUpAll, recordAll } from './outcome.ts';
import type { Undoing } from './undoing.ts';
import { type Beginning, beginAll, type Cancelling, cancelAll, undoBeginnings } from './unfinished.ts';
import { WriteGroup } from './write-group.ts';

/** Who writes, and its observer. */
export interface Writer {
  readonly undoing: Undoing;
  /** Identifies this process among all that ever accept mail. */
  readonly by: string;
  /** The name under which it holds leases. */
  readonly owner: string;
  /** The token under which it holds grants of tenants' limits; empty: it has none. */
  readonly token: string;
  newId(): string;
  queued(messages: readonly QueuedMessage[]): void;
  unreadable(id: string): void;
}

/** Grouped writes that come with every message. */
export class Writes {
  readonly #db: Database;
  readonly #writer: Writer;
  readonly #accepts: WriteGroup<Acceptance, true>;
  readonly #records: WriteGroup<AttemptOutcome, boolean>;
  readonly #begins: WriteGroup<Beginning, QueuedMessage | null>;
  readonly #cancels: WriteGroup<Cancelling, true>;
  readonly #givesUp: WriteGroup<GivingUp, boolean>;
  /** Messages whose clients were told that they were not accepted, and that may exist until they are withdrawn. */
  readonly #withdrawing = new Set<string>();
  /** Outcomes as first written: a repeated write is the same. */
  readonly #outcomes = new WeakMap<object, AttemptOutcome>();

  constructor(db: Database, writer: Writer) {
    this.#db = db;
    this.#writer = writer;
    const { by, owner, undoing } = writer;
    this.#accepts = new WriteGroup(db, {
      write: (all) => acceptAll(db, all, by),
      bytesOf: ({ body }) => body.last.length,
      atOnce: 2,
      isRepeatable: true,
      unclear: (all) => this.#withdraw(all.map(({ queued }) => queued.id)),
    });
    const keyOf = ({ id }: { readonly id: string }) => id;
    this.#records = new WriteGroup(db, {
      ...{ write: (all) => recordAll(db, all, writer), keyOf, atOnce: 2, isRepeatable: true },
    });
    this.#begins = new WriteGroup(db, {
      ...{ write: (all) => beginAll(db, all, owner, writer.unreadable), keyOf, atOnce: 2, isRepeatable: false },
      unclear: (all) =>
        undoing.add(() =>
          undoBeginnings(
            db,
            all.map(({ token }) => token),
          ),
        ),
    });
    this.#cancels = new WriteGroup(db, {
      ...{ write: (all) => cancelAll(db, all, owner), keyOf, atOnce: 1, isRepeatable: true },
    });
    this.#givesUp = new WriteGroup(db, {
      ...{ write: (all) => giveUpAll(db, all, owner, by), keyOf, atOnce: 1, isRepeatable: true },
    });
  }

  async accept(id: string, message: NewMessage, body: BodyEnd): Promise<QueuedMessage> {
    const entry = acceptance(id, message, body);
    await this.#accepts.add(entry);
    this.#writer.queued([entry.queued]);
    return entry.queued;
  }

  async begin(id: string, attempt: AttemptStart, lease: Lease | undefined): Promise<QueuedMessage | undefined> {
    if (this.#withdrawing.has(id)) return undefined;
    return (await this.#begins.add({ id, attempt, token: randomUUID(), lease })) ?? undefined;
  }

  async cancel(id: string, before: UnfinishedAttempt | undefined, lease: Lease | undefined): Promise<void> {
    await this.#cancels.add({ id, before, lease });
  }

  async record(id: string, result: AttemptResult, lease: Lease | undefined): Promise<readonly QueuedMessage[]> {
    let outcome = this.#outcomes.get(result);
    if (outcome?.id !== id) {
      outcome = { id, token: randomUUID(), result, bounces: this.#acceptances(result.bounces), lease };
      this.#outcomes.set(result, outcome);
    }
    return this.#told(await this.#records.add({ ...outcome, lease }), outcome.bounces);
  }

  async giveUp(id: string, given: GivenUp, lease: Lease | undefined): Promise<readonly QueuedMessage[]> {
    const bounces = this.#acceptances(given.bounces);
    return this.#told(await this.#givesUp.add({ id, given, bounces, lease }), bounces);
  }

  /** See {@link QueueStore.noteDelayTold}. */
  async noteDelayTold(id: string, warning: Notice | undefined): Promise<QueuedMessage | undefined> {
    const entries = this.#acceptances(warning && [warning]);
    const isTold = await noteDelayTold(this.#db, id, entries, this.#writer.by);
    return this.#told(isTold, entries)[0];
  }

  /** Resolves when nothing is being written. */
  async settled(): Promise<void> {
    const groups = [this.#accepts, this.#records, this.#begins, this.#cancels, this.#givesUp];
    await Promise.all(groups.map((group) => group.settled()));
  }

  #withdraw(ids: readonly string[]): void {
    for (const id of ids) this.#withdrawing.add(id);
    this.#writer.undoing.add(async () => {
      await withdraw(this.#db, ids, this.#writer.by);
      for (const id of ids) this.#withdrawing.delete(id);
    });
  }

  #acceptances(notices: readonly Notice[] = []): Acceptance[] {
    return notices.map(({ message, content }) =>
      acceptance(this.#writer.newId(), message, {
        ...{ size: content.length, crc: crc32(content), parts: 1, last: content },
      }),
    );
  }

  #told(isWritten: boolean, entries: readonly Acceptance[]): readonly QueuedMessage[] {
    if (!isWritten || entries.length === 0) return [];
    const queued = entries.map((entry) => entry.queued);
    this.#writer.queued(queued);
    return queued;
  }
}

/** See {@link QueueStore.defer}. */
export async function deferAll(
  db: Database,
  ids: readonly string[],
  untilMs: number,
  owner: string,
  lease: Lease | undefined,
): Promise<void> {
  const [row] = await db.ask(
    `WITH input AS MATERIALIZED (SELECT $1::text AS lease_key, $2::bigint AS lease_fence),
     ${fencedBy('$3')},
     deferred AS (
       UPDATE mailbridge.messages SET next_attempt_at = $4
       WHERE id = ANY($5::text[]) AND state = 'queued' AND EXISTS (SELECT FROM allowed)
     )
     SELECT count(*) AS allowed, ${durably} FROM allowed`,
    [leaseEntry(lease).lease_key, leaseEntry(lease).lease_fence, owner, Math.ceil(untilMs), ids],
  );
  if (row?.allowed === 0) throw leaseLost(lease);
}

/** @returns whether this call, and none before it, records that the sender is warned */
async function noteDelayTold(db: Database, id: string, warning: readonly Acceptance[], by: string): Promise<boolean> {
  const { entries, octets } = acceptanceEntries(warning, by);
  const [row] = await db.ask(
    `WITH told AS (
       UPDATE mailbridge.messages SET delay_told = true WHERE id = $1 AND state = 'queued' AND NOT delay_told RETURNING id
     ),
     accepted AS MATERIALIZED (
       SELECT * FROM json_to_recordset($2::json) AS i (${acceptanceColumns}) WHERE EXISTS (SELECT FROM told)
     ),
     inserted AS (${insertMessages}),
     bodies AS (${insertBodies('$3')})
     SELECT count(*) AS told, ${durably} FROM told`,
    [id, jsonOf(entries), octets],
  );
  return row?.told === 1;
}
