import type { Database } from '../../../../postgres/database.ts';
import { durably } from '../../../../postgres/durability.ts';
import { destinationOf } from '../../../message.ts';
import type { Lease } from '../../../ownership/lease.ts';
import type { AttemptResult, GivenUp } from '../../../store.ts';
import { jsonOf } from '../rows.ts';
import { type Acceptance, acceptanceColumns, acceptanceEntries, insertBodies, insertMessages } from './accept.ts';
import { among, fencedBy, leaseColumns, leaseEntry, leaseLost } from './fence.ts';
import { lowerGrants } from './spent.ts';

/** An outcome on its way into the tables. */
export interface AttemptOutcome {
  readonly id: string;
  /** Unique to this outcome: written twice, it counts once. */
  readonly token: string;
  readonly result: AttemptResult;
  readonly bounces: readonly Acceptance[];
  readonly lease: Lease | undefined;
}

const columns = `id text, token text, state text, recipients jsonb, next_attempt_at bigint, finished_at bigint,
  courier text, started_at bigint, duration_ms bigint, delivered integer, external integer, upstream_id text,
  outcomes jsonb, attempt_courier text, passed_over jsonb, note text, follow_destination text,
  follow_connection text, follow_mailbox text, times integer, due bigint, ended_at bigint, unfinished_courier text, unfinished_at bigint, ${leaseColumns}`;

const kept = `m.id, m.destination, m.account, m.connection, m.mailbox, m.envelope, m.is_bounce, m.size, m.received_at,
  m.expires_at, m.subject, m.internet_message_id, m.notice_about`;

const bouncesOf = `
  accepted AS MATERIALIZED (
    SELECT b.* FROM json_to_recordset($3::json) AS b (${acceptanceColumns}, parent text)
    WHERE parent IN (SELECT id FROM settled)
  ),
  inserted AS (${insertMessages}),
  bounce_bodies AS (${insertBodies('$4')})`;

/**
 * A hold or a quarantine set during the attempt outlives an attempt that settled nothing. The follow-up of a message is
 * counted with its outcome, once; a message that an administrator has deleted meanwhile is followed up too.
 */
const record = `
  WITH input AS MATERIALIZED (SELECT * FROM json_to_recordset($1::json) AS i (${columns})),
  ${fencedBy('$2')},
  changed AS (
    UPDATE mailbridge.messages m SET attempts = m.attempts + 1, recipients = a.recipients, recorded = a.token,
      next_attempt_at = a.next_attempt_at, finished_at = a.finished_at, courier = coalesce(a.courier, m.courier),
      state = CASE WHEN a.state = 'queued' AND m.state IN ('held', 'quarantined') THEN m.state ELSE a.state END
    FROM allowed a
    WHERE a.id = m.id AND a.state <> 'delivered' AND m.recorded IS DISTINCT FROM a.token AND ${among('m.id')}
    RETURNING m.destination, m.attempts AS number, a.*
  ),
  gone AS (
    DELETE FROM mailbridge.messages m USING allowed a
    WHERE a.id = m.id AND a.state = 'delivered' AND ${among('m.id')}
    RETURNING ${kept}, m.attempts + 1 AS number, coalesce(a.courier, m.courier) AS courier, a.recipients,
      a.next_attempt_at, a.finished_at, a.started_at, a.duration_ms, a.delivered, a.external, a.upstream_id, a.outcomes,
      a.attempt_courier, a.passed_over
  ),
  kept AS (
    INSERT INTO mailbridge.delivered (id, destination, account, connection, mailbox, courier, envelope, recipients,
      is_bounce, size, attempts, received_at, expires_at, next_attempt_at, finished_at, subject, internet_message_id,
      notice_about)
    SELECT id, destination, account, connection, mailbox, courier, envelope, recipients, is_bounce, size, number,
      received_at, expires_at, next_attempt_at, finished_at, subject, internet_message_id, notice_about FROM gone
  ),
  settled AS MATERIALIZED (
    SELECT id, number, destination, started_at, duration_ms, delivered, external, upstream_id, outcomes,
      attempt_courier, passed_over FROM changed
    UNION ALL
    SELECT id, number, destination, started_at, duration_ms, delivered, external, upstream_id, outcomes,
      attempt_courier, passed_over FROM gone
  ),
  noted AS (
    INSERT INTO mailbridge.attempts (message_id, number, destination, started_at, duration_ms, delivered, external,
      upstream_id, outcomes, courier, passed_over)
    SELECT id, number, destination, started_at, duration_ms, delivered, external, upstream_id, outcomes,
      attempt_courier, passed_over FROM settled
  ),
  ${lowerGrants('$5')},
  ended AS (
    DELETE FROM mailbridge.unfinished u USING allowed a
    WHERE u.message_id = a.id AND (a.unfinished_at IS NULL OR a.state = 'delivered') AND ${among('u.message_id')}
  ),
  unended AS (
    INSERT INTO mailbridge.unfinished (message_id, courier, started_at)
    SELECT id, unfinished_courier, unfinished_at FROM changed WHERE unfinished_at IS NOT NULL
    ON CONFLICT (message_id) DO UPDATE SET courier = excluded.courier, started_at = excluded.started_at, token = NULL,
      before_courier = NULL, before_started_at = NULL
  ),
  bodies AS (DELETE FROM mailbridge.bodies b WHERE ${among('b.message_id', 'gone')}),
  follow_ups AS (
    INSERT INTO mailbridge.follow_ups AS f (message_id, destination, connection, mailbox, note, times, since, due, tries)
    SELECT id, follow_destination, follow_connection, follow_mailbox, note, times, ended_at, due, 0
    FROM allowed a WHERE note IS NOT NULL AND (a.id IN (SELECT id FROM settled) OR NOT EXISTS (
      SELECT FROM mailbridge.everything e WHERE e.id = a.id))
    ON CONFLICT (message_id) DO UPDATE SET note = excluded.note, times = f.times + excluded.times,
      since = excluded.since, due = excluded.due, tries = 0
  ),
  ${bouncesOf}
  SELECT a.id, s.id IS NOT NULL OR m.id IS NOT NULL AS is_there, ${durably} FROM allowed a LEFT JOIN settled s USING (id)
  LEFT JOIN mailbridge.messages m ON m.id = a.id AND m.recorded = a.token AND ${among('m.id')}`;

/**
 * Writes the outcomes of attempts together with their bounces.
 * @returns for each whether the message was there
 */
export async function recordAll(
  db: Database,
  all: readonly AttemptOutcome[],
  { owner, by, token }: { readonly owner: string; readonly by: string; readonly token: string },
): Promise<(boolean | Error)[]> {
  const { entries, octets } = bounceEntries(all, by);
  const rows = await db.attempt(record, [jsonOf(all.map(entryOf)), owner, jsonOf(entries), octets, token]);
  const results = new Map(rows.map((row) => [row.id, row.is_there as boolean]));
  return all.map(({ id, lease }) => results.get(id) ?? leaseLost(lease));
}

function entryOf({ id, token, result, lease }: AttemptOutcome) {
  const { attempt, state, followUp } = result;
  const endedAt = Math.round(attempt.startedAtMs + attempt.durationMs);
  return {
    ...{ id, token, state, recipients: result.recipients, next_attempt_at: Math.round(result.nextAttemptAtMs) },
    finished_at: state === 'delivered' || state === 'failed' ? endedAt : null,
    courier: result.courier ?? null,
    ...{ started_at: Math.round(attempt.startedAtMs), duration_ms: Math.round(attempt.durationMs) },
    delivered: attempt.outcomes.filter((each) => each.outcome === 'delivered').length,
    ...{ external: attempt.externalDelivered ?? 0, upstream_id: attempt.upstreamId ?? null },
    ...{ outcomes: attempt.outcomes, attempt_courier: attempt.courier ?? null },
    passed_over: attempt.passedOver?.length ? attempt.passedOver : null,
    ...(followUp && {
      ...{ note: followUp.note, follow_destination: destinationOf(followUp) },
      ...{ follow_connection: followUp.connection, follow_mailbox: followUp.mailbox },
      ...{ times: followUp.times ?? null, due: Math.round(followUp.dueAtMs), ended_at: endedAt },
    }),
    ...unfinishedEntry(result),
    ...leaseEntry(lease),
  };
}

function unfinishedEntry({ unfinished }: AttemptResult) {
  if (!unfinished) return {};
  return { unfinished_courier: unfinished.courier ?? null, unfinished_at: Math.round(unfinished.startedAtMs) };
}

/** Bounces with the message that they report. */
function bounceEntries(all: readonly Pick<AttemptOutcome, 'id' | 'bounces'>[], by: string) {
  const flat = all.flatMap(({ id, bounces }) => bounces.map((bounce) => ({ id, bounce })));
  const { entries, octets } = acceptanceEntries(
    flat.map(({ bounce }) => bounce),
    by,
  );
  return { entries: entries.map((entry, i) => ({ ...entry, parent: flat[i]?.id })), octets };
}

/** A message that is given up, on its way into the tables. */
export interface GivingUp {
  readonly id: string;
  readonly given: GivenUp;
  readonly bounces: readonly Acceptance[];
  readonly lease: Lease | undefined;
}

const giveUp = `
  WITH input AS MATERIALIZED (
    SELECT * FROM json_to_recordset($1::json) AS i (id text, recipients jsonb, finished_at bigint, ${leaseColumns})
  ),
  ${fencedBy('$2')},
  settled AS (
    UPDATE mailbridge.messages m SET state = 'failed', recipients = a.recipients, finished_at = a.finished_at
    FROM allowed a WHERE a.id = m.id AND m.state = 'queued' AND ${among('m.id')}
    RETURNING m.id
  ),
  ${bouncesOf}
  SELECT a.id, s.id IS NOT NULL AS is_there, ${durably} FROM allowed a LEFT JOIN settled s USING (id)`;

/** Fails messages without an attempt. @returns for each whether it was queued */
export async function giveUpAll(
  db: Database,
  all: readonly GivingUp[],
  owner: string,
  by: string,
): Promise<(boolean | Error)[]> {
  const input = all.map(({ id, given, lease }) => ({
    ...{ id, recipients: given.recipients, finished_at: Math.round(given.finishedAtMs) },
    ...leaseEntry(lease),
  }));
  const { entries, octets } = bounceEntries(all, by);
  const rows = await db.attempt(giveUp, [jsonOf(input), owner, jsonOf(entries), octets]);
  const results = new Map(rows.map((row) => [row.id, row.is_there as boolean]));
  return all.map(({ id, lease }) => results.get(id) ?? leaseLost(lease));
}
