import { isIP } from 'node:net';
import type pg from 'pg';
import { BridgeError } from '../base/errors.ts';
import type { PostgresAddress, PostgresHost } from './address.ts';

/** The driver; only loaded if a queue on PostgreSQL is used. */
export type Driver = typeof pg;

/** A row of a result, its values as {@link parserOf} makes them. */
export type ResultRow = Readonly<Record<string, unknown>>;

/** A statement for the server. */
export interface ServerStatement {
  /** The name under which the server keeps it prepared. */
  readonly name?: string;
  readonly text: string;
}

/** The server ends statements of a session after this time, whatever happens to us. */
const statementTimeoutMs = 60_000;
const lockTimeoutMs = 10_000;

/** A timer this late means that the process, or the machine, stood still. */
const frozenAfterMs = 1_000;
/** The answer may have arrived meanwhile: it gets this long to be read. */
const wakingMs = 2_000;

/** One session with the server. */
export class Session {
  readonly #client: pg.Client;
  #broken: Error | undefined;
  readonly host: PostgresHost;
  /** When it was last used, in milliseconds of the monotonic clock. */
  usedAtMs = performance.now();

  private constructor(client: pg.Client, host: PostgresHost) {
    this.#client = client;
    this.host = host;
    client.on('error', (error) => this.#break(error));
    client.on('end', () => this.#break(new Error('the server has closed the connection')));
  }

  /**
   * Connects, logs in, and makes sure that the server accepts writes.
   * @throws what the driver or the server reports
   */
  static async open(driver: Driver, address: PostgresAddress, host: PostgresHost, timeoutMs: number): Promise<Session> {
    const client = new driver.Client({
      host: host.host,
      port: host.port,
      user: address.user,
      // A function, so that nothing is looked up in the environment or in ~/.pgpass.
      password: () => address.password,
      database: address.database,
      application_name: address.applicationName,
      ssl: tlsOptions(address, host),
      connectionTimeoutMillis: timeoutMs,
      keepAlive: true,
      keepAliveInitialDelayMillis: 10_000,
      types: { getTypeParser: parserOf as pg.CustomTypesConfig['getTypeParser'] },
    });
    const session = new Session(client, host);
    try {
      await client.connect();
      await session.#settle(timeoutMs);
      return session;
    } catch (error) {
      session.destroy();
      throw error;
    }
  }

  /** Undefined while the session can be used. */
  get broken(): Error | undefined {
    return this.#broken;
  }

  /** @param deadlineMs the session is aborted if nothing has arrived by then */
  async run(
    statement: ServerStatement,
    values: readonly unknown[],
    deadlineMs: number,
  ): Promise<pg.QueryResult<ResultRow>> {
    if (this.#broken) throw this.#broken;
    const cancel = this.#breakAfter(deadlineMs);
    try {
      return await this.#client.query<ResultRow>({ ...statement, values: values as unknown[] });
    } catch (error) {
      // If we aborted it, this is the reason.
      throw this.#broken ?? error;
    } finally {
      cancel();
      this.usedAtMs = performance.now();
    }
  }

  onNotification(told: (payload: string) => void): void {
    this.#client.on('notification', ({ payload }) => told(payload ?? ''));
  }

  onBroken(told: () => void): void {
    this.#client.once('end', told);
  }

  /** Closes cleanly: the server is notified. Never rejects. */
  async end(): Promise<void> {
    this.#broken ??= new Error('the session was ended');
    const cut = setTimeout(() => this.destroy(), 1000);
    await this.#client.end().catch(() => {});
    clearTimeout(cut);
  }

  destroy(): void {
    this.#break(new Error('the session was ended'));
  }

  /** @returns a function that cancels it */
  #breakAfter(deadlineMs: number): () => void {
    const giveUp = () => this.#break(new Error(`no answer within ${deadlineMs / 1000} s`));
    const dueMs = performance.now() + deadlineMs;
    let timer = setTimeout(() => {
      if (performance.now() - dueMs < frozenAfterMs) giveUp();
      else timer = setTimeout(giveUp, wakingMs);
    }, deadlineMs);
    return () => clearTimeout(timer);
  }

  #break(error: Error): void {
    this.#broken ??= error;
    streamOf(this.#client).destroy();
  }

  async #settle(timeoutMs: number): Promise<void> {
    const { rows } = await this.run(
      {
        text: `SELECT current_setting('transaction_read_only') AS read_only,
                 current_setting('server_encoding') AS encoding,
                 set_config('statement_timeout', $1, false), set_config('lock_timeout', $2, false),
                 set_config('jit', 'off', false)`,
      },
      [`${statementTimeoutMs}`, `${lockTimeoutMs}`],
      timeoutMs,
    );
    if (rows[0]?.read_only === 'on') throw Object.assign(new Error('read-only'), { code: '25006' });
    if (rows[0]?.encoding !== 'UTF8') {
      throw new BridgeError(
        'queue-store-refused',
        `The database ${this.#client.database} has the encoding ${rows[0]?.encoding}, not UTF8.`,
      );
    }
  }
}

function streamOf(client: pg.Client): { destroy(): void } {
  return (client as unknown as { readonly connection: { readonly stream: { destroy(): void } } }).connection.stream;
}

function tlsOptions({ tls }: PostgresAddress, { host }: PostgresHost) {
  if (!tls) return false;
  const { checksName, ...material } = tls;
  return {
    ...material,
    // The driver only names the server if it has a name; an address is checked as an address.
    host,
    ...(isIP(host) === 0 ? { servername: host } : {}),
    ...(checksName ? {} : { checkServerIdentity: () => undefined }),
    minVersion: 'TLSv1.2' as const,
  };
}

/** Object identifiers of types: https://github.com/postgres/postgres/blob/master/src/include/catalog/pg_type.dat */
const types = { bool: 16, bytea: 17, int8: 20, int2: 21, int4: 23, oid: 26, float8: 701, numeric: 1700 };

const numbers: readonly number[] = [types.int8, types.int2, types.int4, types.oid, types.float8, types.numeric];

/** All our integers are exact as numbers; JSON stays text. */
function parserOf(oid: number): (text: string) => unknown {
  if (numbers.includes(oid)) return Number;
  if (oid === types.bool) return (text) => text === 't';
  if (oid === types.bytea) return (text) => Buffer.from(text.slice(2), 'hex');
  return (text) => text;
}
