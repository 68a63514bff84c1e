import { Readable } from 'node:stream';
import { crc32 } from 'node:zlib';
import type { Database } from '../../../postgres/database.ts';
import { softly } from '../../../postgres/durability.ts';
import type { NewMessage, QueuedMessage } from '../../message.ts';
import type { Spool } from '../../store.ts';
import { missing, partBytes, readPart } from './bodies.ts';
import { type BodyEnd, partsLost } from './writes/accept.ts';

/** Puts a message with its body into the queue. */
export type InsertMessage = (id: string, message: NewMessage, body: BodyEnd) => Promise<QueuedMessage>;

/**
 * A server crash may lose the last parts: then there is no row with the number before the next part, and nothing more
 * is added.
 */
const addPart = `
  WITH first AS (
    INSERT INTO mailbridge.spools (message_id, parts, touched_at)
    SELECT $1, 1, clock_timestamp() WHERE $2 = 0 RETURNING message_id
  ),
  further AS (
    UPDATE mailbridge.spools SET parts = $2 + 1, touched_at = clock_timestamp() WHERE message_id = $1 AND parts = $2
    RETURNING message_id
  ),
  counted AS (SELECT message_id FROM first UNION ALL SELECT message_id FROM further),
  added AS (
    INSERT INTO mailbridge.bodies (message_id, part, content) SELECT message_id, $2::integer, $3 FROM counted
  )
  SELECT message_id, ${softly} FROM counted`;

/** Collects one message: a single part in memory; if there are more, the full parts go to the store. */
export class PostgresSpool implements Spool {
  readonly id: string;
  readonly #db: Database;
  readonly #insert: InsertMessage;
  readonly #assertRoom: (bytes: number) => Promise<void>;
  /** Octets not yet in a part. */
  #chunks: Buffer[] = [];
  #pending = 0;
  /** Parts in the store. */
  #parts = 0;
  #crc = 0;
  #settled = false;
  size = 0;

  /** @param assertRoom fails when the queue has no room for more */
  constructor(db: Database, id: string, insert: InsertMessage, assertRoom: (bytes: number) => Promise<void>) {
    this.#db = db;
    this.id = id;
    this.#insert = insert;
    this.#assertRoom = assertRoom;
  }

  write(chunk: Buffer): Promise<void> | void {
    this.size += chunk.length;
    this.#pending += chunk.length;
    this.#crc = crc32(chunk, this.#crc);
    this.#chunks.push(chunk);
    if (this.#pending > partBytes) return this.#addParts();
  }

  open(): Readable {
    return Readable.from(this.#written(), { objectMode: false });
  }

  async commit(message: NewMessage): Promise<QueuedMessage> {
    const last = this.#chunks.length === 1 ? (this.#chunks[0] as Buffer) : Buffer.concat(this.#chunks);
    const body = { size: this.size, crc: this.#crc, parts: this.#parts + 1, last };
    const queued = await this.#insert(this.id, message, body);
    this.#settled = true;
    return queued;
  }

  async discard(): Promise<void> {
    this.#chunks = [];
    if (this.#settled || this.#parts === 0) return;
    this.#settled = true;
    // What cannot be removed now is removed later because of its age.
    await removeSpools(this.#db, [this.id]).catch(() => {});
  }

  async #addParts(): Promise<void> {
    const octets = this.#chunks.length === 1 ? (this.#chunks[0] as Buffer) : Buffer.concat(this.#chunks);
    let at = 0;
    // The last part, even if it is full, waits for the commit.
    for (; octets.length - at > partBytes; at += partBytes) {
      await this.#assertRoom(this.size);
      const added = await this.#db.ask(addPart, [this.id, this.#parts, octets.subarray(at, at + partBytes)]);
      if (added.length === 0) throw partsLost(this.id);
      this.#parts++;
    }
    this.#chunks = [octets.subarray(at)];
    this.#pending = octets.length - at;
  }

  async *#written(): AsyncGenerator<Buffer> {
    const [parts, chunks] = [this.#parts, this.#chunks];
    for (let part = 0; part < parts; part++) {
      const content = await readPart(this.#db, this.id, part);
      if (!content) throw missing(this.id);
      yield content;
    }
    yield* chunks;
  }
}

/** Removes the parts of messages that were not accepted. Messages accepted meanwhile are not touched. */
export async function removeSpools(db: Database, ids: readonly string[]): Promise<void> {
  await db.ask(
    `WITH gone AS (DELETE FROM mailbridge.spools WHERE message_id = ANY($1::text[]) RETURNING message_id)
     DELETE FROM mailbridge.bodies WHERE message_id IN (SELECT message_id FROM gone)`,
    [ids],
  );
}

/** The same for all that nobody has added to for this long: a client, or its instance, is gone. */
export async function removeOldSpools(db: Database, untouchedForMs: number): Promise<void> {
  await db.ask(
    `WITH gone AS (
       DELETE FROM mailbridge.spools WHERE touched_at < clock_timestamp() - $1 * interval '1 millisecond'
       RETURNING message_id
     )
     DELETE FROM mailbridge.bodies WHERE message_id IN (SELECT message_id FROM gone)`,
    [untouchedForMs],
  );
}
