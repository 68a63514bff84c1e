import { OneAtATime } from '../../../base/one-at-a-time.ts';
import type { Database } from '../../../postgres/database.ts';
import { durably } from '../../../postgres/durability.ts';
import { statementFailure } from '../../../postgres/failures.ts';
import type { ResultRow } from '../../../postgres/session.ts';
import type { ExternalGrants, ExternalWindow } from '../../limits/grants.ts';
import { destinationRange } from './limits.ts';
import { longestAttemptMs } from './writes/unfinished.ts';

/** A day, plus what a process may live on after it was last seen. */
const heldAfterDeath = `interval '25 hours'`;

const isHeld = `(g.touched_at > clock_timestamp() - ${heldAfterDeath} OR EXISTS (
    SELECT FROM mailbridge.instances i WHERE i.token = g.token AND i.expires_at > clock_timestamp()
  ))`;

/** The process that locks the row is the only one that grants; it sees what the one before it has left. */
const lock = `
  INSERT INTO mailbridge.external_limits AS l (connection) VALUES ($1)
  ON CONFLICT (connection) DO UPDATE SET connection = l.connection`;

/** Usage of a recorded attempt moves from one sum to the other in one transaction: it is never missing from both. */
const grant = `
  WITH room AS MATERIALIZED (
    SELECT greatest(0, least($4::bigint, $5::bigint
      - (SELECT coalesce(sum(a.external), 0) FROM mailbridge.attempts a
         WHERE a.destination > $6 AND a.destination < $7 AND a.started_at >= $8::bigint - ${longestAttemptMs}
           AND a.delivered > 0 AND a.external > 0 AND a.started_at + a.duration_ms >= $8::bigint)
      - (SELECT coalesce(sum(g.amount), 0) FROM mailbridge.external_grants g WHERE g.connection = $1 AND ${isHeld})
    ))::bigint AS amount
  )
  INSERT INTO mailbridge.external_grants AS g (connection, token, amount, request, answer, touched_at)
  SELECT $1, $2, amount, $3::bigint, amount, clock_timestamp() FROM room
  ON CONFLICT (connection, token) DO UPDATE SET amount = g.amount + excluded.amount, request = excluded.request,
    answer = excluded.answer, touched_at = excluded.touched_at
  WHERE g.request <> excluded.request`;

const giveBack = `
  WITH given AS (
    UPDATE mailbridge.external_grants SET amount = greatest(0, amount - $4::bigint), request = $3::bigint, answer = 0
    WHERE connection = $1 AND token = $2 AND request <> $3::bigint
  )
  SELECT ${durably}`;

type Ask = (text: string, values?: readonly unknown[]) => Promise<readonly ResultRow[]>;

/** Parts of the tenant's limits in the store, each for one process. */
export class PostgresGrants implements ExternalGrants {
  readonly #db: Database;
  readonly #token: string;
  readonly #order = new OneAtATime();
  /** Number of the next request for each connection. An unanswered request is repeated under its number. */
  readonly #numbers = new Map<string, number>();

  /** @param token of the process, as in the table of instances */
  constructor(db: Database, token: string) {
    this.#db = db;
    this.#token = token;
  }

  async grant(connection: string, amount: number, { limit, windowMs, nowMs }: ExternalWindow): Promise<number> {
    return await this.#order.run(async () => {
      const number = this.#numberOf(connection);
      const row = [connection, this.#token, number];
      const sinceMs = Math.ceil(nowMs - windowMs);
      const answer = await this.#transaction(async (ask) => {
        await ask(lock, [connection]);
        await ask(grant, [...row, amount, limit, ...destinationRange(connection), sinceMs]);
        const own = 'FROM mailbridge.external_grants WHERE connection = $1 AND token = $2';
        return (await ask(`SELECT answer, ${durably} ${own}`, [connection, this.#token]))[0]?.answer as number;
      });
      this.#numbers.set(connection, number + 1);
      return answer;
    });
  }

  async giveBack(connection: string, amount: number): Promise<void> {
    await this.#order.run(async () => {
      const number = this.#numberOf(connection);
      await this.#db.ask(giveBack, [connection, this.#token, number, amount]);
      this.#numbers.set(connection, number + 1);
    });
  }

  /** Refreshes this process's grants, and forgets those of dead processes. */
  async tidy(): Promise<void> {
    await this.#db.ask('UPDATE mailbridge.external_grants SET touched_at = clock_timestamp() WHERE token = $1', [
      this.#token,
    ]);
    await this.#db.ask(`DELETE FROM mailbridge.external_grants g WHERE NOT ${isHeld}`);
  }

  #numberOf(connection: string): number {
    return this.#numbers.get(connection) ?? 1;
  }

  async #transaction<T>(work: (ask: Ask) => Promise<T>): Promise<T> {
    if (this.#db.unreachable) throw this.#db.unreachable;
    try {
      return await this.#db.transaction(work);
    } catch (error) {
      throw statementFailure(error, this.#db.where);
    }
  }
}
