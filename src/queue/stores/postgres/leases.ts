import { randomUUID } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import { BridgeError } from '../../../base/errors.ts';
import type { Database } from '../../../postgres/database.ts';
import { durably } from '../../../postgres/durability.ts';
import type { ResultRow } from '../../../postgres/session.ts';
import type { Lease, LeaseNews, LeaseTable } from '../../ownership/lease.ts';
import type { Changes } from './changes/changes.ts';

/** Identifies an instance. */
export interface InstanceName {
  /** Unique among all live instances. */
  readonly name: string;
  /**
   * Identifies something that no two processes use at the same time, such as a locked data folder: a process with the
   * same name and identity started after the other has ended, and takes its place at once.
   */
  readonly identity: string;
}

/** How long an instance lives that has entered and not yet said for how long. */
const enteredForMs = 15_000;
const waitMs = 500;

/** Takes the name, unless another process lives under it. Leases of an earlier process then have no owner. */
const enter = `
  WITH entered AS (
    INSERT INTO mailbridge.instances AS i (name, identity, token, expires_at, retires)
    VALUES ($1, $2, $3, clock_timestamp() + $4 * interval '1 millisecond', $6)
    ON CONFLICT (name) DO UPDATE SET identity = excluded.identity, token = excluded.token,
      expires_at = excluded.expires_at, retires = excluded.retires
    WHERE i.token = excluded.token OR (i.identity = excluded.identity AND $5) OR i.expires_at <= clock_timestamp()
    RETURNING name
  ),
  freed AS (
    UPDATE mailbridge.leases SET owner = NULL, released_at = clock_timestamp()
    WHERE owner IN (SELECT name FROM entered) AND $5
  )
  SELECT name, ${durably} FROM entered`;

const living = `
  SELECT name, identity, token, retires, (extract(epoch FROM expires_at - clock_timestamp()) * 1000)::bigint AS lives_ms,
    expires_at::text AS expires_at
  FROM mailbridge.instances WHERE expires_at > clock_timestamp() ORDER BY name`;

const owned = `
  SELECT l.key, l.fence, l.since, i.name AS requested_by FROM mailbridge.leases l
  LEFT JOIN mailbridge.instances i ON i.name = l.requested_by AND NOT i.retires
    AND i.expires_at > clock_timestamp()
  WHERE l.owner = $1 ORDER BY l.key`;

/**
 * Locks the dead instances. One that comes back to life at this very moment either does so before, and keeps its
 * leases, or after, and sees that they are gone.
 */
const claim = `
  WITH living AS MATERIALIZED (
    SELECT name FROM mailbridge.instances WHERE name = $2 AND token = $3 AND expires_at > clock_timestamp() FOR SHARE
  ),
  dead AS MATERIALIZED (
    SELECT i.name FROM mailbridge.instances i
    WHERE i.expires_at <= clock_timestamp()
      AND i.name IN (SELECT l.owner FROM mailbridge.leases l WHERE l.key = ANY($1::text[]))
    ORDER BY i.name FOR SHARE
  ),
  won AS (
    INSERT INTO mailbridge.leases AS l (key, owner, fence, since)
    SELECT key, $2, nextval('mailbridge.fences'), $4::bigint FROM unnest($1::text[]) AS keys (key)
    WHERE EXISTS (SELECT FROM living)
    ORDER BY key
    ON CONFLICT (key) DO UPDATE SET owner = excluded.owner, fence = excluded.fence, since = excluded.since,
      requested_by = NULL, kept_for = NULL, kept_until = NULL, released_at = NULL
    WHERE (l.owner IS NULL OR l.owner IN (SELECT name FROM dead))
      AND (l.kept_for IS NULL OR l.kept_for = excluded.owner OR l.kept_until <= clock_timestamp()
        OR NOT EXISTS (
          SELECT FROM mailbridge.instances i
          WHERE i.name = l.kept_for AND NOT i.retires AND i.expires_at > clock_timestamp()
        ))
    RETURNING key, fence, since
  )
  SELECT key, fence, since, ${durably} FROM won
  UNION ALL
  SELECT l.key, l.fence, l.since, NULL FROM mailbridge.leases l
  WHERE l.key = ANY($1::text[]) AND l.owner = $2 AND EXISTS (SELECT FROM living)
    AND l.key NOT IN (SELECT key FROM won)`;

/** Leases in the store. */
export class PostgresLeases implements LeaseTable {
  readonly #db: Database;
  readonly #changes: Changes;
  readonly #identity: string;
  /** Unique to this process. */
  readonly token = randomUUID();
  readonly self: string;
  #leaseMs = enteredForMs;
  #known = '';
  #retires = false;

  constructor(db: Database, changes: Changes, instance: InstanceName) {
    this.#db = db;
    this.#changes = changes;
    this.self = instance.name;
    this.#identity = instance.identity;
  }

  /**
   * Takes the name; waits while another process may still live under it.
   * @throws BridgeError `instance-name-taken` if one does; `queue-unreachable`
   */
  async enter(): Promise<void> {
    let expiresAt: unknown;
    while (!(await this.#tryToEnter(true))) {
      const other = (await this.#db.ask(living)).find(({ name }) => name === this.self);
      if (!other) continue;
      // The other process has renewed.
      if (expiresAt !== undefined && other.expires_at !== expiresAt) throw nameTaken(this.self);
      expiresAt = other.expires_at;
      await setTimeout(Math.min(other.lives_ms as number, waitMs) + 10);
    }
    this.#changes.leases();
  }

  async renew(leaseMs: number): Promise<LeaseNews> {
    this.#leaseMs = leaseMs;
    if (!(await this.#tryToEnter(false))) throw nameTaken(this.self);
    // Only now: what is still ours stays ours, because nobody takes leases from a live instance.
    const [all, leases] = await Promise.all([this.#db.ask(living), this.#db.ask(owned, [this.self])]);
    const instances = all.filter(({ retires }) => retires !== true);
    this.#noteInstances(instances);
    return {
      instances: instances.map(({ name }) => name as string),
      held: leases.map(leaseOf),
      requested: leases
        .filter((row) => row.requested_by !== null)
        .map((row) => ({ key: row.key as string, by: row.requested_by as string })),
    };
  }

  async claim(keys: readonly string[], nowMs: number): Promise<readonly Lease[]> {
    if (keys.length === 0) return [];
    return (await this.#db.ask(claim, [keys, this.self, this.token, Math.round(nowMs)])).map(leaseOf);
  }

  async request(key: string): Promise<void> {
    await this.#db.ask('UPDATE mailbridge.leases SET requested_by = $2 WHERE key = $1 AND owner <> $2', [
      key,
      this.self,
    ]);
    this.#changes.leases();
  }

  async release(leases: readonly { readonly lease: Lease; readonly to?: string }[]): Promise<void> {
    if (leases.length === 0) return;
    const input = leases.map(({ lease, to }) => ({ key: lease.key, fence: lease.fence, to: to ?? null }));
    await this.#db.ask(
      `WITH released AS (
         UPDATE mailbridge.leases l SET owner = NULL, requested_by = NULL, released_at = clock_timestamp(),
           kept_for = i."to", kept_until = clock_timestamp() + $3 * interval '1 millisecond'
         FROM json_to_recordset($1::json) AS i (key text, fence bigint, "to" text)
         WHERE l.key = i.key AND l.fence = i.fence AND l.owner = $2
       )
       SELECT ${durably}`,
      [JSON.stringify(input), this.self, this.#leaseMs],
    );
    this.#changes.leases();
  }

  async retire(): Promise<void> {
    this.#retires = true;
    if (!(await this.#tryToEnter(false))) throw nameTaken(this.self);
    this.#changes.leases();
  }

  async leave(): Promise<void> {
    this.#retires = false;
    await this.#db.ask(
      `WITH gone AS (DELETE FROM mailbridge.instances WHERE name = $1 AND token = $2 RETURNING name)
       UPDATE mailbridge.leases SET owner = NULL, requested_by = NULL, released_at = clock_timestamp()
       WHERE owner IN (SELECT name FROM gone)`,
      [this.self, this.token],
    );
    this.#changes.leases();
  }

  /** Forgets leases that have had no owner for a day. */
  async tidy(): Promise<void> {
    await this.#db.ask(
      `WITH old AS (
         DELETE FROM mailbridge.instances i WHERE expires_at < clock_timestamp() - interval '1 day'
           AND NOT EXISTS (SELECT FROM mailbridge.leases l WHERE l.owner = i.name)
       )
       DELETE FROM mailbridge.leases WHERE owner IS NULL AND released_at < clock_timestamp() - interval '1 day'`,
    );
  }

  async #tryToEnter(isNew: boolean): Promise<boolean> {
    const values = [this.self, this.#identity, this.token, this.#leaseMs, isNew, this.#retires];
    return (await this.#db.ask(enter, values)).length > 0;
  }

  /** Notifies others if instances have come or gone, as seen from here. */
  #noteInstances(instances: readonly ResultRow[]): void {
    const known = instances.map(({ token }) => token).join();
    if (this.#known !== '' && this.#known !== known) this.#changes.leases();
    this.#known = known;
  }
}

function leaseOf({ key, fence, since }: ResultRow): Lease {
  return { key: key as string, fence: fence as number, sinceMs: since as number };
}

function nameTaken(name: string): BridgeError {
  return new BridgeError('instance-name-taken', `Another instance named ${name} is running on the same queue.`);
}
