import { BridgeError } from '../base/errors.ts';
import type { Database } from './database.ts';
import { isRefusal, isUnknownFunction, sqlStateOf, unreachable } from './failures.ts';
import type { ResultRow } from './session.ts';

/** Tables that belong together, and the steps that create them. */
export interface PostgresFormat {
  /** For texts: `the queue`. */
  readonly what: string;
  /** The table that holds the version, in the schema of the database. */
  readonly table: string;
  /** The steps from each version to the next, starting with nothing. A released step never changes. */
  readonly steps: readonly string[];
}

type Ask = (text: string, values?: readonly unknown[]) => Promise<readonly ResultRow[]>;

/** Tries if several instances start at the same time on a server without advisory locks. */
const migrationTries = 5;

/**
 * Creates the tables, and the schema, on first use, and upgrades them to this version's format. Several instances may
 * do so at once.
 * @throws BridgeError `queue-format-newer`, `queue-store-refused`, `queue-unreachable`
 */
export async function bringUpToDate(db: Database, format: PostgresFormat): Promise<void> {
  try {
    for (let tries = 1; ; tries++) {
      try {
        const ask: Ask = (text, values) => db.attempt(text, values, { once: true });
        if ((await versionOf(db, format, ask)) === format.steps.length) return;
        await db.transaction((ask) => migrate(db, format, ask));
        return;
      } catch (error) {
        if (tries === migrationTries || !isRace(error)) throw error;
      }
    }
  } catch (error) {
    throw startFailure(error, db, format);
  }
}

/** Another instance has just created the same thing. */
function isRace(error: unknown): boolean {
  return ['23505', '42P06', '42P07', '42710', '40001', 'XX000'].includes(sqlStateOf(error) ?? '');
}

async function migrate(db: Database, format: PostgresFormat, ask: Ask): Promise<void> {
  await lock(db, ask);
  const version = await versionOf(db, format, ask);
  if (version === undefined) {
    // If the schema exists, no right to create one is needed.
    if (!(await exists(ask, 'SELECT FROM pg_namespace WHERE nspname = $1', db.schema)))
      await ask(`CREATE SCHEMA "${db.schema}"`);
    await ask(`CREATE TABLE mailbridge.${format.table} (version integer NOT NULL)`);
    await ask(`INSERT INTO mailbridge.${format.table} (version) VALUES (0)`);
  }
  for (const step of format.steps.slice(version ?? 0)) await ask(step);
  await ask(`UPDATE mailbridge.${format.table} SET version = $1`, [format.steps.length]);
}

/** Held until the end of the transaction. */
async function lock(db: Database, ask: Ask): Promise<void> {
  try {
    await ask('SAVEPOINT before_lock');
    await ask('SELECT pg_advisory_xact_lock(hashtext($1))', [`mailbridge ${db.schema}`]);
  } catch (error) {
    // CockroachDB: the second one fails, and tries again.
    if (!isUnknownFunction(error)) throw error;
    await ask('ROLLBACK TO SAVEPOINT before_lock');
  }
}

/** Undefined if the tables do not exist yet. @throws BridgeError `queue-format-newer` */
async function versionOf(db: Database, { what, table, steps }: PostgresFormat, ask: Ask): Promise<number | undefined> {
  const known = `SELECT FROM pg_tables WHERE tablename = '${table}' AND schemaname = $1`;
  if (!(await exists(ask, known, db.schema))) return undefined;
  const [row] = await ask(`SELECT version FROM mailbridge.${table}`);
  const version = (row?.version ?? 0) as number;
  if (version <= steps.length) return version;
  throw new BridgeError(
    'queue-format-newer',
    `${what.replace(/^t/, 'T')} in the schema ${db.schema} of PostgreSQL at ${db.where} has format ${version}; this version reads formats up to ${steps.length}.`,
  );
}

async function exists(ask: Ask, query: string, value: string): Promise<boolean> {
  return (await ask(query, [value])).length > 0;
}

/** The error that keeps a bridge from starting: waiting may help, or somebody has to change something. */
function startFailure(error: unknown, db: Database, { what }: PostgresFormat): unknown {
  const cause = error instanceof BridgeError && error.code === 'queue-unreachable' ? (error.cause ?? error) : error;
  if (cause instanceof BridgeError) return cause;
  if (!isRefusal(cause)) return unreachable(db.where, cause);
  return new BridgeError(
    'queue-store-refused',
    `PostgreSQL at ${db.where} refuses ${what} (${(cause as Error).message}).`,
    { cause },
  );
}
