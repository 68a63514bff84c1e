import { durably } from '../../../../postgres/durability.ts';

/** Parameters: key. */
export const folderState = `
  SELECT uid_validity, revision, uid_next, modseq, recent_from, removals_from, removals_revision, delta_link,
    properties_at, reconciled_at
  FROM mailbridge.index_folders WHERE key = $1 AND NOT dropped`;

const columns = 'id, uid, flags, received, size, is_exact, modseq, change_key, envelope, in_reply_to, refs';

/**
 * Messages in the order of their UIDs, written after a revision. Parameters: key, revision, UID to start after, limit.
 */
export const messagesSince = `
  WITH written AS MATERIALIZED (
    SELECT ${columns} FROM mailbridge.index_messages WHERE folder = $1 AND revision > $2
  )
  SELECT ${columns} FROM written WHERE uid > $3 ORDER BY uid LIMIT $4`;

/** Like {@link messagesSince}, for all messages. Parameters: key, UID to start after, limit. */
export const allMessages = `
  SELECT ${columns} FROM mailbridge.index_messages WHERE folder = $1 AND uid > $2 ORDER BY uid LIMIT $3`;

/** Parameters: key, revision. */
export const removalsSince = `
  SELECT uid, id, modseq FROM mailbridge.index_removals WHERE folder = $1 AND revision > $2 ORDER BY modseq, uid`;

/**
 * Writes changes of a folder if nobody else has written since the given revision; otherwise it does nothing and returns
 * no row. All writes to a folder queue on one row, so UIDs follow the order of revisions, and a reader that sees one
 * sees all below it. Parameters: key, revision, UIDVALIDITY, counters (3), messages, removals, link, its times (2).
 */
export const writeFolder = `
  WITH counted AS (
    UPDATE mailbridge.index_folders f SET revision = f.revision + 1, uid_next = $4, modseq = $5, removals_from = $6,
      removals_revision = greatest(f.removals_revision, (
        SELECT max(r.revision) FROM mailbridge.index_removals r WHERE r.folder = $1 AND r.modseq <= $6)),
      delta_link = coalesce($9, f.delta_link), properties_at = coalesce($10, f.properties_at),
      reconciled_at = coalesce($11, f.reconciled_at)
    WHERE f.key = $1 AND f.revision = $2 AND f.uid_validity = $3 AND NOT f.dropped
    RETURNING f.revision
  ),
  removed AS MATERIALIZED (
    SELECT r.*, c.revision FROM counted c, json_to_recordset($8::json) AS r (id text, uid bigint, modseq bigint, stays boolean)
  ),
  deleted AS (
    DELETE FROM mailbridge.index_messages m WHERE m.folder = $1
      AND m.id = ANY (ARRAY(SELECT r.id COLLATE "C" FROM removed r WHERE NOT r.stays))
  ),
  forgotten AS (
    DELETE FROM mailbridge.index_removals r USING counted WHERE r.folder = $1 AND r.modseq <= $6
  ),
  noted AS (
    INSERT INTO mailbridge.index_removals (folder, modseq, uid, id, revision)
    SELECT $1, r.modseq, r.uid, r.id, r.revision FROM removed r WHERE r.modseq > $6
  ),
  put AS (
    INSERT INTO mailbridge.index_messages AS m (folder, ${columns}, revision)
    SELECT $1, i.*, c.revision FROM counted c, json_to_recordset($7::json) AS i (id text, uid bigint, flags text,
      received bigint, size bigint, is_exact boolean, modseq bigint, change_key text, envelope text, in_reply_to text,
      refs text)
    ON CONFLICT (folder, id) DO UPDATE SET uid = excluded.uid, flags = excluded.flags, received = excluded.received,
      size = excluded.size, is_exact = excluded.is_exact, modseq = excluded.modseq, change_key = excluded.change_key,
      envelope = excluded.envelope, in_reply_to = excluded.in_reply_to, refs = excluded.refs,
      revision = excluded.revision
  )
  SELECT revision, ${durably} FROM counted`;

/**
 * Writes the delta link, under the same condition: an answer requested before somebody else wrote may be
 * older and must not be written. Parameters: key, revision, UIDVALIDITY, link, its times (2).
 */
export const writeLink = `
  UPDATE mailbridge.index_folders SET revision = revision + 1, delta_link = $4,
    properties_at = coalesce($5, properties_at), reconciled_at = coalesce($6, reconciled_at)
  WHERE key = $1 AND revision = $2 AND uid_validity = $3 AND NOT dropped RETURNING revision`;

/** Marks the folder as gone. Parameters: key, revision. */
export const dropFolder = `
  UPDATE mailbridge.index_folders SET dropped = true WHERE key = $1 AND revision = $2`;

/** Parameters: key, process, milliseconds. */
export const beginListing = `
  UPDATE mailbridge.index_folders SET listed_by = $2, listed_until = clock_timestamp() + $3 * interval '1 millisecond'
  WHERE key = $1 AND NOT dropped AND (listed_by IS NULL OR listed_by = $2 OR listed_until < clock_timestamp())
  RETURNING key`;

/** Parameters: key, process. */
export const endListing = `
  UPDATE mailbridge.index_folders SET listed_by = NULL, listed_until = NULL WHERE key = $1 AND listed_by = $2`;

/** Parameters: key, UID. */
export const seenBelow = `
  UPDATE mailbridge.index_folders SET recent_from = $2 WHERE key = $1 AND recent_from < $2`;

/** Parameters: mailbox, epoch, offset. */
export const addMailbox = `
  INSERT INTO mailbridge.index_mailboxes
    (mailbox, epoch, revision, last_uid_validity, uid_validity_offset, kept_subscriptions)
  VALUES ($1, $2, 1, 0, $3, '[]') ON CONFLICT (mailbox) DO NOTHING`;

/** Parameters: mailbox. */
export const mailboxState = `
  SELECT epoch, revision, last_uid_validity, uid_validity_offset, kept_subscriptions,
    (SELECT coalesce(json_agg(json_build_object('key', f.key, 'id', f.graph_id, 'uidValidity', f.uid_validity,
       'subscribed', f.subscribed, 'created', f.created)), '[]')
     FROM mailbridge.index_folders f WHERE f.mailbox = m.mailbox AND NOT f.dropped) AS folders,
    (SELECT coalesce(json_agg(f.key), '[]')
     FROM mailbridge.index_folders f WHERE f.mailbox = m.mailbox AND f.dropped) AS dropped
  FROM mailbridge.index_mailboxes m WHERE mailbox = $1`;

/**
 * Writes if nobody has changed the list since the given revision. Parameters: mailbox, revision, UIDVALIDITY, new
 * folders, keys of removed folders.
 */
export const writeFolders = `
  WITH counted AS (
    UPDATE mailbridge.index_mailboxes SET revision = revision + 1, last_uid_validity = greatest(last_uid_validity, $3)
    WHERE mailbox = $1 AND revision = $2 RETURNING revision
  ),
  gone AS (
    UPDATE mailbridge.index_folders f SET dropped = true FROM counted
    WHERE f.mailbox = $1 AND f.key IN (SELECT value::bigint FROM json_array_elements_text($5::json))
  ),
  added AS (
    INSERT INTO mailbridge.index_folders (mailbox, graph_id, uid_validity, subscribed, created)
    SELECT $1, a.id, a.uid_validity, a.subscribed, c.revision
    FROM counted c, json_to_recordset($4::json) AS a (id text, uid_validity bigint, subscribed boolean)
  )
  SELECT revision, ${durably} FROM counted`;

/** Parameters: mailbox. */
export const mailboxRevision = `SELECT revision FROM mailbridge.index_mailboxes WHERE mailbox = $1`;

/** Parameters: mailbox. */
export const countMailbox = `UPDATE mailbridge.index_mailboxes SET revision = revision + 1 WHERE mailbox = $1`;

/** Parameters: mailbox, key, whether subscribed. */
export const writeSubscribed = `
  WITH counted AS (UPDATE mailbridge.index_mailboxes SET revision = revision + 1 WHERE mailbox = $1)
  UPDATE mailbridge.index_folders SET subscribed = $3 WHERE key = $2`;

/** Writes if nobody has changed them since. Parameters: mailbox, names before, names now. */
export const writeKept = `
  UPDATE mailbridge.index_mailboxes SET kept_subscriptions = $3, revision = revision + 1
  WHERE mailbox = $1 AND kept_subscriptions = $2 RETURNING revision`;

/** Messages and removals of a removed folder. Parameters: key, limit. */
export const purgeMessages = `
  DELETE FROM mailbridge.index_messages WHERE folder = $1
    AND uid IN (SELECT uid FROM mailbridge.index_messages WHERE folder = $1 LIMIT $2) RETURNING uid`;
export const purgeRemovals = `DELETE FROM mailbridge.index_removals WHERE folder = $1`;
export const purgeFolder = `DELETE FROM mailbridge.index_folders WHERE key = $1 AND dropped`;

/** Parameters: mailbox, what, when. */
export const appendMarker = `
  SELECT marker FROM mailbridge.index_appends WHERE mailbox = $1 AND what = $2 AND began >= $3`;
/** Parameters: mailbox, what, marker, when, time before which others are deleted. */
export const putAppend = `
  WITH old AS (DELETE FROM mailbridge.index_appends WHERE mailbox = $1 AND began < $5 AND what <> $2)
  INSERT INTO mailbridge.index_appends (mailbox, what, marker, began) VALUES ($1, $2, $3, $4)
  ON CONFLICT (mailbox, what) DO UPDATE SET marker = excluded.marker, began = excluded.began`;
/** Parameters: mailbox, what. */
export const removeAppend = `DELETE FROM mailbridge.index_appends WHERE mailbox = $1 AND what = $2`;
