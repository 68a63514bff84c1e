import type { PostgresFormat } from '../../../postgres/migration.ts';

/** Small tables whose rows come and go all the time: vacuumed often, and with room for new versions on each page. */
const busy = `fillfactor = 50, autovacuum_vacuum_threshold = 500, autovacuum_vacuum_scale_factor = 0.1,
  autovacuum_analyze_threshold = 500, autovacuum_vacuum_cost_delay = 0`;

/** Large tables: the default, a fifth of millions, would be too late. */
const large = 'autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 2000';

/** Shared by the two tables of messages; times are milliseconds since 1970. */
const messageColumns = `
  -- letters and digits, growing with time
  id text COLLATE "C" PRIMARY KEY,
  -- CONNECTION/MAILBOX in lower case: what shares Microsoft's limits
  destination text COLLATE "C" NOT NULL,
  account text COLLATE "C" NOT NULL,
  connection text COLLATE "C" NOT NULL,
  mailbox text COLLATE "C" NOT NULL,
  courier text NOT NULL,
  -- reverse-path and transport parameters; the recipients stand in their own column because they change
  envelope jsonb NOT NULL,
  recipients jsonb NOT NULL,
  is_bounce boolean NOT NULL,
  size bigint NOT NULL,
  attempts integer NOT NULL,
  received_at bigint NOT NULL,
  expires_at bigint NOT NULL,
  next_attempt_at bigint NOT NULL,
  -- when it was delivered or given up
  finished_at bigint`;

const steps = [
  `
-- messages that are not delivered: a row goes from here to the table "delivered", so that this one stays small
CREATE TABLE mailbridge.messages (${messageColumns},
  state text NOT NULL CHECK (state IN ('queued', 'held', 'failed', 'quarantined')),
  -- CRC-32 of the body
  crc bigint NOT NULL,
  parts integer NOT NULL,
  -- what is wrong with a quarantined message
  damage text,
  -- whether the sender was told that the message waits, or need not be
  delay_told boolean NOT NULL DEFAULT false,
  -- the process that accepted it, and the latest outcome that was written: what was asked twice is done once
  accepted_by text NOT NULL,
  recorded text
) WITH (fillfactor = 90, ${large});
CREATE INDEX messages_due ON mailbridge.messages (destination, account, next_attempt_at, id) WHERE state = 'queued';
CREATE INDEX messages_expiring ON mailbridge.messages (connection, expires_at) WHERE state = 'queued';
CREATE INDEX messages_untold ON mailbridge.messages (received_at)
  WHERE state = 'queued' AND NOT delay_told AND NOT is_bounce;
CREATE INDEX messages_aside ON mailbridge.messages (state, id) WHERE state IN ('held', 'failed', 'quarantined');
CREATE INDEX messages_finished ON mailbridge.messages (finished_at) WHERE finished_at IS NOT NULL;
-- messages that are delivered, for as long as they are listed: written once, deleted in batches
CREATE TABLE mailbridge.delivered (${messageColumns}
) WITH (${large});
CREATE INDEX delivered_finished ON mailbridge.delivered (finished_at);
CREATE VIEW mailbridge.everything AS
  SELECT id, destination, account, connection, mailbox, courier, envelope, recipients, is_bounce, size, attempts,
    received_at, expires_at, next_attempt_at, finished_at, state, damage FROM mailbridge.messages
  UNION ALL
  SELECT id, destination, account, connection, mailbox, courier, envelope, recipients, is_bounce, size, attempts,
    received_at, expires_at, next_attempt_at, finished_at, 'delivered', NULL FROM mailbridge.delivered;
-- bodies in parts of up to 256 kB, never changed; mail is encoded, and does not become smaller by compression
CREATE TABLE mailbridge.bodies (
  message_id text COLLATE "C",
  part integer,
  content bytea NOT NULL,
  PRIMARY KEY (message_id, part)
) WITH (${large}, toast.autovacuum_vacuum_scale_factor = 0.02, toast_tuple_target = 8160);
ALTER TABLE mailbridge.bodies ALTER COLUMN content SET STORAGE EXTERNAL;
-- bodies that are being received, of which parts are there already
CREATE TABLE mailbridge.spools (
  message_id text COLLATE "C" PRIMARY KEY,
  parts integer NOT NULL,
  touched_at timestamptz NOT NULL
) WITH (${busy});
-- outcomes of attempts; of messages that are gone, how much was sent
CREATE TABLE mailbridge.attempts (
  message_id text COLLATE "C",
  number integer,
  destination text COLLATE "C" NOT NULL,
  started_at bigint NOT NULL,
  duration_ms bigint NOT NULL,
  -- recipients that were served, and of these those outside the tenant
  delivered integer NOT NULL,
  external integer NOT NULL,
  upstream_id text,
  outcomes jsonb NOT NULL,
  courier text,
  passed_over jsonb,
  PRIMARY KEY (message_id, number)
) WITH (${large});
CREATE INDEX attempts_sent ON mailbridge.attempts (destination, started_at) WHERE delivered > 0;
CREATE INDEX attempts_started ON mailbridge.attempts (started_at);
-- attempts that were begun and have not ended; and what was unfinished before
CREATE TABLE mailbridge.unfinished (
  message_id text COLLATE "C" PRIMARY KEY,
  courier text,
  started_at bigint NOT NULL,
  token text,
  before_courier text,
  before_started_at bigint
) WITH (${busy});
-- what an upstream, or a limit, has asked to wait for, by destination or connection
CREATE TABLE mailbridge.pauses (
  key text COLLATE "C" PRIMARY KEY,
  until bigint NOT NULL,
  since bigint NOT NULL,
  code text NOT NULL,
  text text NOT NULL,
  strikes integer NOT NULL,
  needs_admin boolean NOT NULL
) WITH (${busy});
-- what is to be done once a message is finished; outlives the message
CREATE TABLE mailbridge.follow_ups (
  message_id text COLLATE "C" PRIMARY KEY,
  destination text COLLATE "C" NOT NULL,
  connection text NOT NULL,
  mailbox text NOT NULL,
  note text NOT NULL,
  -- how often it still has to be done; NULL where nobody knows
  times integer,
  since bigint NOT NULL,
  due bigint NOT NULL,
  tries integer NOT NULL
) WITH (${busy});
CREATE INDEX follow_ups_due ON mailbridge.follow_ups (destination, due);
-- small facts: duplicates seen, keys, what copies are for; any text, as its octets in UTF-8
CREATE TABLE mailbridge.records (
  kind bytea,
  key bytea,
  value bytea NOT NULL,
  version bigint NOT NULL,
  expires_at bigint,
  token text NOT NULL,
  PRIMARY KEY (kind, key)
) WITH (fillfactor = 80, ${large});
CREATE INDEX records_expiring ON mailbridge.records (expires_at) WHERE expires_at IS NOT NULL;
-- bridges that deliver; each lives until then, unless it says before that it lives on
CREATE TABLE mailbridge.instances (
  name text COLLATE "C" PRIMARY KEY,
  -- the data folder that it works in, and the process
  identity text NOT NULL,
  token text NOT NULL,
  expires_at timestamptz NOT NULL
) WITH (${busy});
-- who delivers what; a fencing number is given once
CREATE SEQUENCE mailbridge.fences;
CREATE TABLE mailbridge.leases (
  key text COLLATE "C" PRIMARY KEY,
  -- NULL: nobody
  owner text COLLATE "C",
  fence bigint NOT NULL,
  since bigint NOT NULL,
  requested_by text COLLATE "C",
  -- for whom it is kept until then
  kept_for text COLLATE "C",
  kept_until timestamptz,
  released_at timestamptz
) WITH (${busy});
CREATE INDEX leases_owned ON mailbridge.leases (owner);
-- what instances tell one another, for those that cannot LISTEN; worth nothing after a crash
CREATE UNLOGGED TABLE mailbridge.changes (
  id bigserial PRIMARY KEY,
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  origin text NOT NULL,
  content text NOT NULL
) WITH (${busy});
`,
  `
-- whether it is about to end, and takes nothing more
ALTER TABLE mailbridge.instances ADD COLUMN retires boolean NOT NULL DEFAULT false;
-- connections whose external recipients are counted; a row is locked by whoever grants a part of its limit
CREATE TABLE mailbridge.external_limits (connection text COLLATE "C" PRIMARY KEY) WITH (${busy});
-- what each process has taken of such a limit and not recorded, with its latest request and the answer to that
CREATE TABLE mailbridge.external_grants (
  connection text COLLATE "C",
  token text,
  amount bigint NOT NULL,
  request bigint NOT NULL,
  answer bigint NOT NULL,
  touched_at timestamptz NOT NULL,
  PRIMARY KEY (connection, token)
) WITH (${busy});
`,
  `
-- what lists show and searches find; NULL where there is none, it is not kept, or the message came before
ALTER TABLE mailbridge.messages ADD COLUMN subject text, ADD COLUMN internet_message_id text;
ALTER TABLE mailbridge.delivered ADD COLUMN subject text, ADD COLUMN internet_message_id text;
CREATE OR REPLACE VIEW mailbridge.everything AS
  SELECT id, destination, account, connection, mailbox, courier, envelope, recipients, is_bounce, size, attempts,
    received_at, expires_at, next_attempt_at, finished_at, state, damage, subject, internet_message_id
  FROM mailbridge.messages
  UNION ALL
  SELECT id, destination, account, connection, mailbox, courier, envelope, recipients, is_bounce, size, attempts,
    received_at, expires_at, next_attempt_at, finished_at, 'delivered', NULL, subject, internet_message_id
  FROM mailbridge.delivered;
`,
  `
-- of a bounce or delay warning, the message that it is about, which may be gone
ALTER TABLE mailbridge.messages ADD COLUMN notice_about text COLLATE "C";
ALTER TABLE mailbridge.delivered ADD COLUMN notice_about text COLLATE "C";
CREATE INDEX messages_notices ON mailbridge.messages (notice_about, id) WHERE notice_about IS NOT NULL;
CREATE INDEX delivered_notices ON mailbridge.delivered (notice_about, id) WHERE notice_about IS NOT NULL;
CREATE OR REPLACE VIEW mailbridge.everything AS
  SELECT id, destination, account, connection, mailbox, courier, envelope, recipients, is_bounce, size, attempts,
    received_at, expires_at, next_attempt_at, finished_at, state, damage, subject, internet_message_id, notice_about
  FROM mailbridge.messages
  UNION ALL
  SELECT id, destination, account, connection, mailbox, courier, envelope, recipients, is_bounce, size, attempts,
    received_at, expires_at, next_attempt_at, finished_at, 'delivered', NULL, subject, internet_message_id, notice_about
  FROM mailbridge.delivered;
`,
];

/** The tables of the queue. */
export const queueFormat: PostgresFormat = { what: 'the queue', table: 'format', steps };
