import { createReadStream, lstatSync, readdirSync, renameSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { BridgeError, errorText } from '../../../base/errors.ts';
import { makeOwnFolder } from '../../../base/files/own-folder.ts';
import { type BodyMark, checkedBody, isWhole } from '../checked-body.ts';
import { isCorruption } from './schema.ts';
import type { Statements } from './statements.ts';

/** Told when a body turns out to be damaged. */
export type OnDamage = (id: string, damage: string) => void;

interface BodyRow {
  readonly size: number;
  readonly body_file: string | null;
  readonly body_crc: number | null;
  readonly content: Uint8Array<ArrayBuffer> | null;
}

/** The bodies of the messages: in the database, or in files. */
export class Bodies {
  readonly #statements: Statements;
  readonly #folder: string;
  readonly #onDamage: OnDamage;

  /** @param folder the files */
  constructor(statements: Statements, folder: string, onDamage: OnDamage) {
    this.#statements = statements;
    this.#folder = folder;
    this.#onDamage = onDamage;
  }

  /** @throws BridgeError `queue-body-missing`, `queue-body-damaged` */
  open(id: string, evenIfDamaged: boolean): Readable {
    const row = this.#read(id);
    if (!row) throw missing(id);
    const mark: BodyMark = { size: row.size, crc: row.body_crc ?? undefined };
    if (row.body_file !== null) return this.#openFile(id, join(this.#folder, row.body_file), mark, evenIfDamaged);
    if (!row.content) throw missing(id);
    const content = Buffer.from(row.content.buffer, row.content.byteOffset, row.content.length);
    if (!evenIfDamaged && !isWhole(content, mark)) throw this.#damaged(id, 'its checksum is wrong');
    return streamOf(content);
  }

  unlink(file: string): void {
    try {
      unlinkSync(join(this.#folder, file));
    } catch {
      // The next start removes it as an orphan.
    }
  }

  /** Files of messages that were being received when the last run ended: nobody was told that they were accepted. */
  removeOrphans(): void {
    const known = new Set(
      this.#statements
        .sql('SELECT body_file FROM messages WHERE body_file IS NOT NULL')
        .all()
        .map((row) => row.body_file),
    );
    for (const file of readdirSync(this.#folder)) if (!known.has(file)) this.unlink(file);
  }

  #openFile(id: string, file: string, mark: BodyMark, evenIfDamaged: boolean): Readable {
    const facts = lstatSync(file, { throwIfNoEntry: false });
    // A link leads to something that is nobody's message.
    const size = facts?.isFile() ? facts.size : undefined;
    // Half a message would be worse than none.
    if (size === undefined || (size !== mark.size && !evenIfDamaged)) throw missing(id);
    const source = createReadStream(file, { highWaterMark: 256 * 1024 });
    return evenIfDamaged ? source : checkedBody(source, mark, () => this.#damaged(id, 'its checksum is wrong'));
  }

  #read(id: string): BodyRow | undefined {
    try {
      return this.#statements
        .sql('SELECT size, body_file, body_crc, content FROM messages LEFT JOIN bodies ON message_id = id WHERE id = ?')
        .get(id) as unknown as BodyRow | undefined;
    } catch (error) {
      if (!isCorruption(error)) throw error;
      throw this.#damaged(id, errorText(error));
    }
  }

  #damaged(id: string, why: string): BridgeError {
    const error = new BridgeError('queue-body-damaged', `The body of message ${id} is damaged: ${why}.`);
    this.#onDamage(id, error.message);
    return error;
  }
}

/** Cheaper than `Readable.from`, which runs a generator for it. */
function streamOf(content: Buffer): Readable {
  return new Readable({
    read() {
      this.push(content);
      this.push(null);
    },
  });
}

function missing(id: string): BridgeError {
  return new BridgeError('queue-body-missing', `The body of message ${id} is missing or incomplete.`);
}

/**
 * Moves the files of bodies whose messages nobody knows any more out of the queue's way.
 * @returns how many there were
 */
export function setBodiesAside(bodies: string, recovered: string): number {
  const files = readdirSync(bodies);
  if (files.length > 0) makeOwnFolder(recovered);
  for (const file of files) renameSync(join(bodies, file), join(recovered, file));
  return files.length;
}
