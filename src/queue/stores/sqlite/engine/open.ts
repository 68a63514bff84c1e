import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { makeOwnFolder } from '../../../../base/files/own-folder.ts';
import { freeOctets } from '../../disk-full.ts';
import { Reserve } from '../../reserve.ts';
import type { RoomLimits } from '../../room.ts';
import { assertIntact, openDatabase } from '../schema.ts';
import { setBodiesAside } from './bodies.ts';
import { importEarlierFiles, removeEarlierFiles } from './earlier-files.ts';
import { Engine, type EngineEvent } from './engine.ts';
import { beginRun } from './runs.ts';
import { Statements } from './statements.ts';

/** Options for opening a queue. */
export interface EngineOptions {
  /**
   * True for the one bridge that delivers from it: leftovers of messages that were never accepted are then removed, and
   * the database is checked.
   */
  readonly exclusive: boolean;
  /** Unlimited if left out. */
  readonly room?: RoomLimits;
  /** It was open just now in this process: partly received messages are still being received. */
  readonly isResumed?: boolean;
  /** Milliseconds since 1970; default: the machine's clock. */
  readonly nowMs?: number;
  /** Identifies the current boot of the machine; default: read from the machine. */
  readonly boot?: string;
}

/**
 * Opens the queue in a folder: a SQLite database in WAL mode with `synchronous = FULL`, small bodies inside it, large
 * ones as files in `bodies/`.
 * @throws BridgeError `queue-unreadable`, `queue-format-newer`, `queue-damaged`, `data-folder-unsafe`
 */
export function openEngine(folder: string, options: EngineOptions, tell: (event: EngineEvent) => void): Engine {
  for (const each of [folder, join(folder, 'bodies')]) makeOwnFolder(each);
  const reserve = new Reserve(join(folder, 'reserve'));
  try {
    return openWith(reserve, folder, options, tell);
  } catch (error) {
    // SQLite needs room for its log and the log's index. The reserve is taken again when there is room.
    if (!options.exclusive || freeOctets(folder) >= neededToOpen || !reserve.release()) throw error;
    return openWith(reserve, folder, options, tell);
  }
}

/** With more free space than this, a failure has another cause than the disk. */
const neededToOpen = 1024 * 1024;

function openWith(
  reserve: Reserve,
  folder: string,
  options: EngineOptions,
  tell: (event: EngineEvent) => void,
): Engine {
  const bodyFolder = join(folder, 'bodies');
  const file = join(folder, 'queue.sqlite');
  const isNew = !existsSync(file);
  const db = openDatabase(file);
  const { exclusive, room, isResumed = false } = options;
  const engine = new Engine({ db, folder, bodyFolder, exclusive, room, reserve, tell });
  if (!exclusive || isResumed) return engine;
  try {
    assertIntact(db, file);
    // The database was moved away: its bodies are all that is left of the messages.
    const recovered = join(folder, 'recovered');
    const count = isNew ? setBodiesAside(bodyFolder, recovered) : 0;
    if (count > 0) tell({ kind: 'bodies-set-aside', count, folder: recovered });
    begin(db, folder, options);
    removeEarlierFiles(folder);
    engine.tidy();
    return engine;
  } catch (error) {
    db.close();
    throw error;
  }
}

function begin(db: DatabaseSync, folder: string, { nowMs = Date.now(), boot }: EngineOptions): void {
  const statements = new Statements(db);
  db.exec('BEGIN IMMEDIATE');
  try {
    importEarlierFiles(statements, folder, nowMs);
    beginRun(statements, nowMs, boot);
    db.exec('COMMIT');
  } catch (error) {
    if (db.isTransaction) db.exec('ROLLBACK');
    throw error;
  }
}
