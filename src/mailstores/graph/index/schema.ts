import { chmodSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { BridgeError, errorText } from '../../../base/errors.ts';
import { assertOwnFiles, databaseFiles } from '../../../base/files/own-file.ts';

/** Steps from each format of an index to the next. A released step never changes. */
const steps = [
  `
CREATE TABLE facts (
  name TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT;
CREATE TABLE folders (
  key INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  parent TEXT,
  display_name TEXT NOT NULL,
  special TEXT,
  total INTEGER NOT NULL,
  unread INTEGER NOT NULL,
  subscribed INTEGER NOT NULL,
  uid_validity INTEGER NOT NULL,
  uid_next INTEGER NOT NULL,
  modseq INTEGER NOT NULL,
  recent_from INTEGER NOT NULL,
  -- removals up to this modseq are no longer remembered
  removals_from INTEGER NOT NULL,
  -- where Graph goes on to tell what has changed; NULL until the folder was listed once
  delta_link TEXT,
  -- the full round under way: its number, and the page it has come to
  round INTEGER NOT NULL,
  round_link TEXT,
  -- last change whose extended properties were read, milliseconds since 1970
  properties_at INTEGER NOT NULL,
  -- when the last full round ended, milliseconds since 1970
  reconciled_at INTEGER NOT NULL
) STRICT;
CREATE TABLE messages (
  key INTEGER PRIMARY KEY,
  folder INTEGER NOT NULL,
  id TEXT NOT NULL,
  -- NULL until the first full round of the folder has ended
  uid INTEGER,
  -- separated by blanks
  flags TEXT NOT NULL,
  received INTEGER NOT NULL,
  size INTEGER NOT NULL,
  is_exact INTEGER NOT NULL,
  modseq INTEGER NOT NULL,
  change_key TEXT NOT NULL,
  -- what ENVELOPE tells, JSON
  envelope TEXT NOT NULL,
  in_reply_to TEXT,
  -- the full round that saw it last
  round INTEGER NOT NULL,
  -- 0: only its extended properties are known yet
  is_described INTEGER NOT NULL,
  UNIQUE (folder, id)
) STRICT;
CREATE INDEX messages_uid ON messages (folder, uid);
CREATE TABLE removals (
  folder INTEGER NOT NULL,
  modseq INTEGER NOT NULL,
  uid INTEGER NOT NULL,
  PRIMARY KEY (folder, modseq, uid)
) STRICT, WITHOUT ROWID;
CREATE TABLE headers (
  id TEXT PRIMARY KEY,
  -- of a draft, its change key; else empty
  draft_state TEXT NOT NULL,
  header BLOB NOT NULL
) STRICT;
`,
  `
CREATE TABLE appends (
  -- the folder's id at Graph, and the SHA-256 of the message
  what TEXT PRIMARY KEY,
  -- the property that it is found by
  marker TEXT NOT NULL,
  -- milliseconds since 1970
  began INTEGER NOT NULL
) STRICT;
-- messages without a UID, in the order in which they get one
CREATE INDEX messages_staged ON messages (folder, received, id) WHERE uid IS NULL;
`,
  `
-- the field References
ALTER TABLE messages ADD COLUMN refs TEXT;
CREATE INDEX messages_undescribed ON messages (folder) WHERE is_described = 0;
`,
  `
-- in a copy of an index that instances share: up to which writing of the folder it has followed
ALTER TABLE folders ADD COLUMN revision INTEGER NOT NULL DEFAULT 0;
`,
];

/**
 * Opens an index or creates one.
 * @param isCopy the file is a copy of an index kept elsewhere: a power failure may undo the last writes
 * @throws BridgeError `mailbox-index-unusable`
 */
export function openIndexDatabase(file: string, isCopy: boolean): DatabaseSync {
  let db: DatabaseSync | undefined;
  try {
    assertOwnFiles(...databaseFiles(file));
    db = new DatabaseSync(file);
    chmodSync(file, 0o600);
    // A UID that a client has seen must not be assigned again after a power failure.
    const synchronous = isCopy ? 'NORMAL' : 'FULL';
    db.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = ${synchronous}; PRAGMA busy_timeout = 5000;`);
    bringUpToDate(db);
    return db;
  } catch (error) {
    db?.close();
    if (error instanceof BridgeError) throw error;
    throw new BridgeError('mailbox-index-unusable', `${file} cannot be used: ${errorText(error)}.`, { cause: error });
  }
}

function bringUpToDate(db: DatabaseSync): void {
  const { user_version: version = 0 } = db.prepare('PRAGMA user_version').get() as { user_version?: number };
  if (version > steps.length) throw new Error(`it was written by a newer mailbridge (format ${version})`);
  for (const [index, step] of steps.entries()) {
    if (index < version) continue;
    db.exec(`BEGIN IMMEDIATE; ${step} PRAGMA user_version = ${index + 1}; COMMIT;`);
  }
}
