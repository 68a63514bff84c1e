import { Readable } from 'node:stream';
import { BridgeError } from '../../../base/errors.ts';
import type { Database } from '../../../postgres/database.ts';
import { type BodyMark, checkedBody, isWhole } from '../checked-body.ts';

/** Octets in a part: few round trips, and little memory. */
export const partBytes = 256 * 1024;

const firstPart = `
  SELECT m.size, m.crc, m.parts, b.content FROM mailbridge.messages m
  LEFT JOIN mailbridge.bodies b ON b.message_id = m.id AND b.part = 0 WHERE m.id = $1`;

/** See {@link QueueStore.open}. @param onDamage called if the body turns out to be damaged */
export async function openBody(
  db: Database,
  id: string,
  evenIfDamaged: boolean,
  onDamage: (id: string, damage: string) => void,
): Promise<Readable> {
  const [row] = await db.ask(firstPart, [id]);
  const first = row?.content as Buffer | null | undefined;
  if (!row || (!first && !evenIfDamaged)) throw missing(id);
  const mark: BodyMark = { size: row.size as number, crc: row.crc as number };
  const damaged = () => {
    const error = new BridgeError('queue-body-damaged', `The body of message ${id} is damaged: its checksum is wrong.`);
    onDamage(id, error.message);
    return error;
  };
  const parts = row.parts as number;
  if (parts === 1 && first) {
    if (!evenIfDamaged && !isWhole(first, mark)) throw damaged();
    return whole(first);
  }
  const source = Readable.from(partsOf(db, id, { count: parts, first, evenIfDamaged }), { objectMode: false });
  return evenIfDamaged ? source : checkedBody(source, mark, damaged);
}

/** While one part is read, the next is being fetched. */
async function* partsOf(
  db: Database,
  id: string,
  known: { readonly count: number; readonly first: Buffer | null | undefined; readonly evenIfDamaged: boolean },
): AsyncGenerator<Buffer> {
  let next: Promise<Buffer | undefined> = Promise.resolve(known.first ?? undefined);
  for (let part = 0; part < known.count; part++) {
    const content = await next;
    next = part + 1 < known.count ? readPart(db, id, part + 1) : Promise.resolve(undefined);
    // Its failure shows in the next round, or nowhere if the reader leaves.
    next.catch(() => {});
    if (content) yield content;
    // The message, or a part of it, was removed meanwhile.
    else if (!known.evenIfDamaged) throw missing(id);
  }
}

/** One part of a body; undefined if it does not exist. */
export async function readPart(db: Database, id: string, part: number): Promise<Buffer | undefined> {
  const [row] = await db.ask('SELECT content FROM mailbridge.bodies WHERE message_id = $1 AND part = $2', [id, part]);
  return row?.content as Buffer | undefined;
}

/** Cheaper than `Readable.from`, which runs a generator for it. */
function whole(content: Buffer): Readable {
  return new Readable({
    read() {
      this.push(content);
      this.push(null);
    },
  });
}

export function missing(id: string): BridgeError {
  return new BridgeError('queue-body-missing', `The body of message ${id} is missing or incomplete.`);
}
