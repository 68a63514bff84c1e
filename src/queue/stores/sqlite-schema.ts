import { chmodSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { BridgeError } from '../../base/errors.ts';

/** Version of the queue's format; a bridge refuses a queue of a later one. */
export const queueFormatVersion = 1;

const schema = `
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
`;

/**
 * Opens the queue's database, making it on first use, readable by its owner alone.
 * @throws BridgeError `queue-unreadable`, `queue-format-newer`
 */
export function openDatabase(file: string): DatabaseSync {
  let db: DatabaseSync;
  try {
    db = new DatabaseSync(file, { timeout: 5000 });
    chmodSync(file, 0o600);
    // Bodies come in fewer pieces than with the standard 4096 octets; a queue that is there already keeps its pages.
    db.exec('PRAGMA page_size = 8192');
    db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA journal_size_limit = 67108864;');
  } catch (cause) {
    throw new BridgeError('queue-unreadable', `The queue at ${file} cannot be opened.`, { cause });
  }
  const version = db.prepare('PRAGMA user_version').get()?.user_version as number;
  if (version > queueFormatVersion) {
    db.close();
    throw new BridgeError(
      'queue-format-newer',
      `The queue at ${file} has format ${version}; this version reads formats up to ${queueFormatVersion}.`,
    );
  }
  if (version === 0) db.exec(`BEGIN IMMEDIATE; ${schema} PRAGMA user_version = ${queueFormatVersion}; COMMIT`);
  return db;
}
