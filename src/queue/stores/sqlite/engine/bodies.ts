import { lstatSync, readdirSync, renameSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { BridgeError, errorText } from '../../../../base/errors.ts';
import { makeOwnFolder } from '../../../../base/files/own-folder.ts';
import { type BodyMark, isWhole } from '../../checked-body.ts';
import { isCorruption } from '../schema.ts';
import type { Statements } from './statements.ts';

/** Called when a body turns out to be damaged. */
export type OnDamage = (id: string, damage: string) => void;

interface BodyRow {
  readonly size: number;
  readonly body_file: string | null;
  readonly body_crc: number | null;
  readonly content: Uint8Array<ArrayBuffer> | null;
}

/** Where the octets of a body are: here, verified; or in a file, with the mark that it has to match. */
export type BodySource =
  | { readonly content: Uint8Array<ArrayBuffer> }
  | { readonly file: string; readonly mark: BodyMark };

/** The bodies of the messages: in the database, or in files. */
export class Bodies {
  readonly #statements: Statements;
  readonly #folder: string;
  readonly #onDamage: OnDamage;

  /** @param folder of the files */
  constructor(statements: Statements, folder: string, onDamage: OnDamage) {
    this.#statements = statements;
    this.#folder = folder;
    this.#onDamage = onDamage;
  }

  /** @throws BridgeError `queue-body-missing`, `queue-body-damaged` */
  find(id: string, evenIfDamaged: boolean): BodySource {
    const row = this.#read(id);
    if (!row) throw missing(id);
    const mark: BodyMark = { size: row.size, crc: row.body_crc ?? undefined };
    if (row.body_file !== null) {
      const file = join(this.#folder, row.body_file);
      assertThere(id, file, evenIfDamaged ? undefined : mark.size);
      return { file, mark };
    }
    if (!row.content) throw missing(id);
    if (!evenIfDamaged && !isWhole(row.content, mark)) throw this.#damaged(id, wrongChecksum);
    return { content: row.content };
  }

  /** A sound body in the database. */
  small(id: string): Uint8Array<ArrayBuffer> | undefined {
    try {
      const body = this.find(id, false);
      return 'content' in body ? body.content : undefined;
    } catch {
      // The damage is reported when it is opened.
      return undefined;
    }
  }

  unlink(file: string): void {
    try {
      unlinkSync(join(this.#folder, file));
    } catch {
      // The next start removes it as an orphan.
    }
  }

  /**
   * Removes files of messages that were being received when the last run ended: no client was told that they were
   * accepted.
   */
  removeOrphans(): void {
    const known = new Set(
      this.#statements
        .sql('SELECT body_file FROM messages WHERE body_file IS NOT NULL')
        .all()
        .map((row) => row.body_file),
    );
    for (const file of readdirSync(this.#folder)) if (!known.has(file)) this.unlink(file);
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
    const error = damagedBody(id, why);
    this.#onDamage(id, error.message);
    return error;
  }
}

/** The damage of a body of the right length. */
const wrongChecksum = 'its checksum is wrong';

export function damagedBody(id: string, why = wrongChecksum): BridgeError {
  return new BridgeError('queue-body-damaged', `The body of message ${id} is damaged: ${why}.`);
}

/** @param size half a message would be worse than none */
function assertThere(id: string, file: string, size: number | undefined): void {
  const facts = lstatSync(file, { throwIfNoEntry: false });
  // A link leads to something that is not a message.
  if (!facts?.isFile() || (size !== undefined && facts.size !== size)) throw missing(id);
}

function missing(id: string): BridgeError {
  return new BridgeError('queue-body-missing', `The body of message ${id} is missing or incomplete.`);
}

/**
 * Moves body files whose messages are unknown out of the queue's way.
 * @returns how many there were
 */
export function setBodiesAside(bodies: string, recovered: string): number {
  const files = readdirSync(bodies);
  if (files.length > 0) makeOwnFolder(recovered);
  for (const file of files) renameSync(join(bodies, file), join(recovered, file));
  return files.length;
}
