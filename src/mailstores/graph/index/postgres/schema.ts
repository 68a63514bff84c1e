import type { PostgresFormat } from '../../../../postgres/migration.ts';

/** The default of a fifth would be too late for millions of rows. */
const large = 'autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 2000';

/** Few rows that change all the time. */
const busy = `fillfactor = 50, autovacuum_vacuum_threshold = 500, autovacuum_vacuum_scale_factor = 0.1,
  autovacuum_vacuum_cost_delay = 0`;

const steps = [
  `
-- mailboxes that are read by Microsoft Graph
CREATE TABLE mailbridge.index_mailboxes (
  -- what names connection and mailbox
  mailbox text COLLATE "C" PRIMARY KEY,
  -- of this row: a copy that has followed another one is void
  epoch text NOT NULL,
  -- grows with every change of the list of folders, or of a subscription
  revision bigint NOT NULL,
  last_uid_validity bigint NOT NULL,
  uid_validity_offset bigint NOT NULL,
  -- JSON
  kept_subscriptions text NOT NULL
) WITH (${busy});
CREATE TABLE mailbridge.index_folders (
  key bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  mailbox text COLLATE "C" NOT NULL,
  graph_id text COLLATE "C" NOT NULL,
  uid_validity bigint NOT NULL,
  subscribed boolean NOT NULL,
  -- the revision of the list that it came with
  created bigint NOT NULL,
  -- the folder is no more; its messages are being deleted
  dropped boolean NOT NULL DEFAULT false,
  -- grows with every writing of messages; who writes names the one that is known
  revision bigint NOT NULL DEFAULT 1,
  uid_next bigint NOT NULL DEFAULT 1,
  modseq bigint NOT NULL DEFAULT 1,
  recent_from bigint NOT NULL DEFAULT 1,
  -- removals up to this modseq, and up to this revision, are no longer remembered
  removals_from bigint NOT NULL DEFAULT 1,
  removals_revision bigint NOT NULL DEFAULT 0,
  -- where Graph goes on to tell what has changed; NULL until the folder was listed once
  delta_link text,
  -- milliseconds since 1970
  properties_at bigint NOT NULL DEFAULT 0,
  reconciled_at bigint NOT NULL DEFAULT 0,
  -- the process that lists all of the folder, unless it says before that it goes on
  listed_by text,
  listed_until timestamptz
) WITH (${busy});
CREATE UNIQUE INDEX index_folders_ids ON mailbridge.index_folders (mailbox, graph_id) WHERE NOT dropped;
CREATE INDEX index_folders_dropped ON mailbridge.index_folders (mailbox) WHERE dropped;
CREATE TABLE mailbridge.index_messages (
  folder bigint NOT NULL,
  uid bigint NOT NULL,
  id text COLLATE "C" NOT NULL,
  -- separated by blanks
  flags text NOT NULL,
  -- milliseconds since 1970
  received bigint NOT NULL,
  size bigint NOT NULL,
  is_exact boolean NOT NULL,
  modseq bigint NOT NULL,
  change_key text NOT NULL,
  -- what ENVELOPE tells, JSON
  envelope text NOT NULL,
  in_reply_to text,
  refs text,
  -- of the writing that changed it last
  revision bigint NOT NULL,
  PRIMARY KEY (folder, uid)
) WITH (${large});
CREATE UNIQUE INDEX index_messages_ids ON mailbridge.index_messages (folder, id);
CREATE INDEX index_messages_revisions ON mailbridge.index_messages (folder, revision);
CREATE TABLE mailbridge.index_removals (
  folder bigint NOT NULL,
  modseq bigint NOT NULL,
  uid bigint NOT NULL,
  id text COLLATE "C" NOT NULL,
  revision bigint NOT NULL,
  PRIMARY KEY (folder, modseq, uid)
) WITH (${large});
CREATE INDEX index_removals_revisions ON mailbridge.index_removals (folder, revision);
CREATE TABLE mailbridge.index_appends (
  mailbox text COLLATE "C" NOT NULL,
  -- the folder's id at Graph, and the SHA-256 of the message
  what text COLLATE "C" NOT NULL,
  -- the property that it is found by
  marker text NOT NULL,
  -- milliseconds since 1970
  began bigint NOT NULL,
  PRIMARY KEY (mailbox, what)
) WITH (${busy});
`,
];

/** The tables of indexes. They have their own version, separate from that of a queue in the same schema. */
export const indexFormat: PostgresFormat = { what: 'the index of mailboxes', table: 'index_format', steps };
