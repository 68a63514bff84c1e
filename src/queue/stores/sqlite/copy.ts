import { copyFileSync, linkSync, lstatSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { backup, DatabaseSync } from 'node:sqlite';
import { BridgeError, errorText, systemErrorCode } from '../../../base/errors.ts';
import { assertOwnFiles, databaseFiles, ownFileSize } from '../../../base/files/own-file.ts';
import type { MessageState } from '../../message.ts';
import { forgetRun } from './engine/runs.ts';
import { Statements } from './engine/statements.ts';
import { assertIntact, assertReadable, isCorruption, openDatabase } from './schema.ts';

/** A queue as of one moment. */
export interface QueueCopy {
  /** Names of the files in `bodies/` of the copy. */
  readonly bodies: readonly string[];
  /** Messages by their state. */
  readonly messages: Readonly<Partial<Record<MessageState, number>>>;
  /** Waiting messages whose body could not be copied because it was already lost. */
  readonly withoutBody: readonly string[];
}

/** Options for copying a queue. */
export interface QueueCopyOptions {
  /** Reports how much of the database is copied, in pages. */
  onProgress?(done: number, total: number): void;
  /** Called when the bodies are linked and the moment of the copy is not yet chosen. For tests. */
  afterLinks?(): void;
}

/** With each try there are fewer bodies left to link, and less time for one to go. */
const tries = 10;

const bodyName = /^[A-Za-z0-9]{1,64}\.eml$/;

/**
 * Copies a queue while a bridge may deliver from it and accept into it: `queue.sqlite` as of one moment, and in
 * `bodies/` every body that it refers to. Bodies never change once written, so they are linked, not copied, if the file
 * system can.
 *
 * A body is removed once its message is delivered. So bodies are linked before the moment of the copy; those of
 * messages accepted in between are linked after it. If one of these was delivered in just that time, a new moment is
 * chosen.
 * @param folder of the queue
 * @param into a folder on the same disk that nobody else can read; on failure it holds leftovers
 * @throws BridgeError `queue-unreadable`, `queue-format-newer`, `queue-damaged`, `queue-too-busy`; Error of the file
 * system
 */
export async function copyQueue(folder: string, into: string, options: QueueCopyOptions = {}): Promise<QueueCopy> {
  const file = join(folder, 'queue.sqlite');
  const db = openForReading(file);
  try {
    mkdirSync(join(into, 'bodies'), { mode: 0o700 });
    const moment = chooseMoment(db, { from: join(folder, 'bodies'), to: join(into, 'bodies') }, options);
    const copy = join(into, 'queue.sqlite');
    await backup(db, copy, {
      rate: 1000,
      progress: ({ totalPages, remainingPages }) => options.onProgress?.(totalPages - remainingPages, totalPages),
    });
    sealCopy(copy, file);
    return moment;
  } catch (error) {
    if (isCorruption(error))
      throw new BridgeError('queue-damaged', `The queue at ${file} is damaged.`, { cause: error });
    throw error;
  } finally {
    db.close();
  }
}

/** Does not upgrade the format: another version of the bridge may be running. */
function openForReading(file: string): DatabaseSync {
  assertOwnFiles(...databaseFiles(file));
  try {
    const db = new DatabaseSync(file, { readOnly: true, timeout: 5000 });
    assertReadable(db, file);
    return db;
  } catch (cause) {
    if (cause instanceof BridgeError) throw cause;
    throw new BridgeError('queue-unreadable', `The queue at ${file} cannot be opened (${errorText(cause)}).`, {
      cause,
    });
  }
}

interface BodyFolders {
  readonly from: string;
  readonly to: string;
}

/** Begins a transaction with all bodies linked; the transaction sees the queue as it is now for as long as it lasts. */
function chooseMoment(db: DatabaseSync, folders: BodyFolders, options: QueueCopyOptions): QueueCopy {
  const linked = new Set<string>();
  const gone = new Set<string>();
  for (let attempt = 1; attempt <= tries; attempt++) {
    for (const name of namesIn(folders.from)) if (!linked.has(name) && link(name, folders)) linked.add(name);
    options.afterLinks?.();
    db.exec('BEGIN');
    const wanted = bodiesOf(db);
    const missing = wanted.filter(({ name }) => !linked.has(name) && !(bodyName.test(name) && link(name, folders)));
    // Bodies that are gone before this moment and still referred to were not delivered: a row is removed before its
    // body.
    if (missing.every(({ name }) => gone.has(name) || !bodyName.test(name))) {
      const lost = new Set(missing.map(({ name }) => name));
      return {
        bodies: wanted.map(({ name }) => name).filter((name) => !lost.has(name)),
        messages: countsOf(db),
        withoutBody: missing.filter(({ isWaiting }) => isWaiting).map(({ id }) => id),
      };
    }
    for (const { name } of missing) gone.add(name);
    db.exec('ROLLBACK');
  }
  throw new BridgeError('queue-too-busy', `The queue changed faster than it could be copied, ${tries} times.`);
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).filter((name) => bodyName.test(name));
  } catch (error) {
    // There has been no large message yet.
    if (systemErrorCode(error) === 'ENOENT') return [];
    throw error;
  }
}

/** @returns whether the body was there */
function link(name: string, { from, to }: BodyFolders): boolean {
  const [source, target] = [join(from, name), join(to, name)];
  try {
    // A symbolic link would be linked as such.
    if (!lstatSync(source).isFile()) return false;
    linkSync(source, target);
    return true;
  } catch (error) {
    if (systemErrorCode(error) === 'EEXIST') return true;
  }
  // The file system has no hard links, or there is no body.
  return copyBody(source, target);
}

function copyBody(source: string, target: string): boolean {
  try {
    copyFileSync(source, target);
    return true;
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return false;
    throw error;
  }
}

interface NeededBody {
  readonly id: string;
  readonly name: string;
  readonly isWaiting: boolean;
}

function bodiesOf(db: DatabaseSync): NeededBody[] {
  const rows = db.prepare('SELECT id, body_file, state FROM messages WHERE body_file IS NOT NULL').all();
  return rows.map(({ id, body_file: name, state }) => ({
    id: id as string,
    name: name as string,
    isWaiting: state === 'queued' || state === 'held',
  }));
}

function countsOf(db: DatabaseSync): QueueCopy['messages'] {
  const rows = db.prepare('SELECT state, count(*) AS n FROM messages GROUP BY state').all();
  return Object.fromEntries(rows.map(({ state, n }) => [state, n]));
}

/** One file, checked: a copy that cannot be restored is useless. */
function sealCopy(copy: string, original: string): void {
  const db = new DatabaseSync(copy);
  try {
    db.exec('PRAGMA journal_mode = DELETE');
    assertIntact(db, original);
  } finally {
    db.close();
  }
}

/**
 * Proves that a copy can be used as the queue: that this version reads it, that its database is intact, and that every
 * waiting message has its body.
 * @param folder of the copy
 * @throws BridgeError `queue-format-newer`, `queue-damaged`, `queue-body-missing`
 */
export function assertWholeCopy(folder: string, withoutBody: readonly string[]): void {
  const file = join(folder, 'queue.sqlite');
  const db = new DatabaseSync(file, { readOnly: true });
  try {
    assertIntact(db, file);
    assertReadable(db, file);
    const rows = db
      .prepare(`SELECT id, body_file, size FROM messages WHERE body_file IS NOT NULL AND state IN ('queued', 'held')`)
      .all();
    for (const { id, body_file: name, size } of rows) {
      if (withoutBody.includes(id as string)) continue;
      if (bodyName.test(name as string) && ownFileSize(join(folder, 'bodies', name as string)) === size) continue;
      throw new BridgeError('queue-body-missing', `The body of message ${id} is missing or incomplete.`);
    }
  } finally {
    db.close();
  }
}

/**
 * Marks a copy as one of which nobody knows what was sent since: the bridge that starts with it assumes that an attempt
 * on every message was under way.
 * @param folder of the copy
 */
export function forgetWhatEnded(folder: string): void {
  const db = openDatabase(join(folder, 'queue.sqlite'));
  try {
    db.exec('BEGIN IMMEDIATE');
    forgetRun(new Statements(db));
    db.exec('COMMIT');
  } finally {
    db.close();
  }
}
