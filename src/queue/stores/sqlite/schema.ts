import { chmodSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { BridgeError } from '../../../base/errors.ts';
import { assertOwnFiles, databaseFiles } from '../../../base/files/own-file.ts';

/**
 * The steps from each format of the queue to the next, starting with an empty database: every queue reaches the same
 * form by the same steps. A released step never changes.
 */
const steps = [
  `
CREATE TABLE messages (
  id TEXT PRIMARY KEY,
  lane TEXT NOT NULL,
  account TEXT NOT NULL,
  connection TEXT NOT NULL,
  mailbox TEXT NOT NULL,
  courier TEXT NOT NULL,
  -- reverse-path and transport parameters, JSON; the recipients stand in their own column because they change
  envelope TEXT NOT NULL,
  recipients TEXT NOT NULL,
  is_bounce INTEGER NOT NULL,
  size INTEGER NOT NULL,
  -- name of a file in the folder of bodies, or NULL where the body is in the table bodies
  body_file TEXT,
  state TEXT NOT NULL,
  attempts INTEGER NOT NULL,
  received_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  next_attempt_at INTEGER NOT NULL,
  finished_at INTEGER
) STRICT;
CREATE INDEX messages_due ON messages (lane, next_attempt_at) WHERE state = 'queued';
CREATE INDEX messages_finished ON messages (finished_at) WHERE finished_at IS NOT NULL;
CREATE TABLE bodies (
  message_id TEXT PRIMARY KEY,
  content BLOB NOT NULL
) STRICT;
CREATE TABLE attempts (
  message_id TEXT NOT NULL,
  number INTEGER NOT NULL,
  lane TEXT NOT NULL,
  started_at INTEGER NOT NULL,
  duration_ms INTEGER NOT NULL,
  delivered INTEGER NOT NULL,
  upstream_id TEXT,
  outcomes TEXT NOT NULL,
  PRIMARY KEY (message_id, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX attempts_sent ON attempts (lane, started_at, delivered) WHERE delivered > 0;
`,
  `
-- CRC-32 of the body; NULL where the message came before there was one
ALTER TABLE messages ADD COLUMN body_crc INTEGER;
-- what is wrong with a quarantined message
ALTER TABLE messages ADD COLUMN damage TEXT;
`,
  `
-- accounts that share a lane take turns
DROP INDEX messages_due;
CREATE INDEX messages_due ON messages (lane, account, next_attempt_at) WHERE state = 'queued';
-- of the delivered recipients, those outside the tenant
ALTER TABLE attempts ADD COLUMN external INTEGER NOT NULL DEFAULT 0;
-- rests that an upstream has asked for, by lane or connection
CREATE TABLE pauses (
  key TEXT PRIMARY KEY,
  until INTEGER NOT NULL,
  since INTEGER NOT NULL,
  code TEXT NOT NULL,
  text TEXT NOT NULL,
  strikes INTEGER NOT NULL,
  needs_admin INTEGER NOT NULL
) STRICT;
`,
  `
-- whether the sender was told that the message waits, or need not be
ALTER TABLE messages ADD COLUMN delay_told INTEGER NOT NULL DEFAULT 0;
`,
  `
-- what is to be done once a message is finished; outlives the message
CREATE TABLE follow_ups (
  message_id TEXT PRIMARY KEY,
  lane TEXT NOT NULL,
  connection TEXT NOT NULL,
  mailbox TEXT NOT NULL,
  note TEXT NOT NULL,
  -- how often it still has to be done; NULL where nobody knows
  times INTEGER,
  since INTEGER NOT NULL,
  due INTEGER NOT NULL,
  tries INTEGER NOT NULL
) STRICT;
CREATE INDEX follow_ups_due ON follow_ups (due, lane);
`,
  `
-- whose attempt it was; and those that come before it, with the reason, JSON
ALTER TABLE attempts ADD COLUMN courier TEXT;
ALTER TABLE attempts ADD COLUMN passed_over TEXT;
`,
  `
-- attempts that were begun and have not ended; the courier is NULL where nobody knows it
CREATE TABLE unfinished (
  message_id TEXT PRIMARY KEY,
  courier TEXT,
  started_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
-- small facts: duplicates seen, keys, what copies are for
CREATE TABLE records (
  kind TEXT NOT NULL,
  key TEXT NOT NULL,
  value TEXT NOT NULL,
  version INTEGER NOT NULL,
  expires_at INTEGER,
  PRIMARY KEY (kind, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX records_expiring ON records (expires_at) WHERE expires_at IS NOT NULL;
`,
  `
-- what lists show and searches find; NULL where there is none, it is not kept, or the message came before
ALTER TABLE messages ADD COLUMN subject TEXT;
ALTER TABLE messages ADD COLUMN internet_message_id TEXT;
-- messages that are not delivered, among many more that are
CREATE INDEX messages_open ON messages (id, state) WHERE state <> 'delivered';
`,
  `
-- of a bounce or delay warning, the message that it is about, which may be gone
ALTER TABLE messages ADD COLUMN notice_about TEXT;
CREATE INDEX messages_notices ON messages (notice_about, id) WHERE notice_about IS NOT NULL;
`,
];

/** Version of the queue's format; a bridge refuses a queue with a later one. */
export const queueFormatVersion = steps.length;

/**
 * Opens the queue's database, readable only by its owner and created on first use, and upgrades it to this version's
 * format. A bridge that writes the format before continues beside it until it ends.
 * @throws BridgeError `queue-unreadable`, `queue-format-newer`, `queue-damaged`, `data-folder-unsafe`
 */
export function openDatabase(file: string): DatabaseSync {
  // SQLite opens by name, and follows links.
  assertOwnFiles(...databaseFiles(file));
  let db: DatabaseSync;
  try {
    db = new DatabaseSync(file, { timeout: 5000 });
    chmodSync(file, 0o600);
    // Bodies need fewer pages than with the default of 4096 octets; an existing queue keeps its page size.
    db.exec('PRAGMA page_size = 8192');
    // SQLite's own lower() only knows ASCII letters.
    db.function('folded', { deterministic: true }, (text) => (typeof text === 'string' ? text.toLowerCase() : null));
    db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA journal_size_limit = 67108864;');
  } catch (cause) {
    if (isCorruption(cause)) throw damaged(file, cause);
    throw new BridgeError('queue-unreadable', `The queue at ${file} cannot be opened.`, { cause });
  }
  try {
    bringUpToDate(db, file);
  } catch (error) {
    db.close();
    throw error;
  }
  return db;
}

function bringUpToDate(db: DatabaseSync, file: string): void {
  if (versionOf(db, file) === queueFormatVersion) return;
  // Another process may be about to do the same.
  db.exec('BEGIN IMMEDIATE');
  const version = versionOf(db, file);
  for (const step of steps.slice(version)) db.exec(step);
  db.exec(`PRAGMA user_version = ${queueFormatVersion}; COMMIT`);
}

/** For readers that change nothing about the format. @throws BridgeError `queue-format-newer` */
export function assertReadable(db: DatabaseSync, file: string): void {
  versionOf(db, file);
}

/** @throws BridgeError `queue-format-newer` */
function versionOf(db: DatabaseSync, file: string): number {
  const version = db.prepare('PRAGMA user_version').get()?.user_version as number;
  if (version <= queueFormatVersion) return version;
  throw new BridgeError(
    'queue-format-newer',
    `The queue at ${file} has format ${version}; this version reads formats up to ${queueFormatVersion}.`,
  );
}

/**
 * Checks every page of a database.
 * @throws BridgeError `queue-damaged`
 */
export function assertIntact(db: DatabaseSync, file: string): void {
  let verdict: unknown;
  try {
    verdict = db.prepare('PRAGMA quick_check(1)').get()?.quick_check;
  } catch (cause) {
    throw damaged(file, cause);
  }
  if (verdict !== 'ok') throw damaged(file, verdict);
}

function damaged(file: string, cause: unknown): BridgeError {
  return new BridgeError('queue-damaged', `The queue at ${file} is damaged.`, { cause });
}

/** Whether SQLite reports that the file is damaged: SQLITE_CORRUPT, SQLITE_NOTADB. */
export function isCorruption(error: unknown): boolean {
  const code = (error as { errcode?: unknown } | undefined)?.errcode;
  return typeof code === 'number' && ((code & 0xff) === 11 || code === 26);
}
