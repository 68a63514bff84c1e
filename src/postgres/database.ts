import type { BridgeError } from '../base/errors.ts';
import type { PostgresAddress, PostgresHost } from './address.ts';
import { Circuit } from './circuit.ts';
import {
  anew,
  isConflict,
  isLoss,
  isLostStatement,
  isRefusal,
  isTooManyConnections,
  statementFailure,
  unreachable,
} from './failures.ts';
import { Pool } from './pool.ts';
import { type Driver, type ResultRow, type ServerStatement, Session } from './session.ts';

/** Options for opening a {@link Database}. */
export interface DatabaseOptions {
  readonly driver: Driver;
  readonly address: PostgresAddress;
  /** Replaces `mailbridge.` in all statements. */
  readonly schema: string;
  readonly poolSize: number;
}

/** How a query is run. */
export interface AskOptions {
  /** The connection is given up if nothing has arrived by then. Default: a deadline for fast statements. */
  readonly deadlineMs?: number;
  /** The statement is made for this query only, and is not kept prepared. */
  readonly once?: boolean;
}

const connectTimeoutMs = 3000;
const quickDeadlineMs = 6000;
/** For queries that may read all of a large table. */
export const slowDeadlineMs = 65_000;
const conflictTries = 5;

/**
 * The server as used by the store: a pool of sessions, statements prepared once in each, and a circuit that refuses at
 * once while the server cannot be reached.
 */
export class Database {
  readonly #options: DatabaseOptions;
  readonly #statements = new Map<string, ServerStatement>();
  readonly #pool: Pool;
  readonly #circuit: Circuit;
  readonly #told = new Set<(change: 'unreachable' | 'reachable') => void>();
  /** False once a pooler has turned out to mix up prepared statements. */
  #keepsStatements = true;
  #preferred = 0;
  #closed = false;

  constructor(options: DatabaseOptions) {
    this.#options = options;
    this.#pool = new Pool(() => this.session(), options.poolSize, quickDeadlineMs);
    this.#circuit = new Circuit({
      probe: async () => this.#pool.add(await this.session()),
      opened: (reason) => {
        this.#pool.drop(reason);
        this.#tell('unreachable');
      },
      closed: () => this.#tell('reachable'),
      reasonOf: (error) => unreachable(this.where, error),
    });
  }

  get schema(): string {
    return this.#options.schema;
  }

  /** The hosts, for texts. */
  get where(): string {
    return this.#options.address.hosts.map(({ host, port }) => `${host}:${port}`).join(' or ');
  }

  /** Why no query is possible; undefined if it is. */
  get unreachable(): BridgeError | undefined {
    const { reason } = this.#circuit;
    return reason && anew(reason);
  }

  /** Waits until the server can be reached. @returns whether it can be within `patienceMs` */
  async reachable(patienceMs: number): Promise<boolean> {
    return !this.#closed && (await this.#circuit.reachable(patienceMs));
  }

  /** Reports whenever the server becomes unreachable or reachable again. @returns a function that ends that */
  watch(told: (change: 'unreachable' | 'reachable') => void): () => void {
    this.#told.add(told);
    return () => this.#told.delete(told);
  }

  /**
   * Runs one statement, which is a transaction of its own.
   * @param text with `mailbridge.` before the names of tables
   * @throws BridgeError `queue-unreachable`, `queue-full`; Error of the server
   */
  async ask(text: string, values: readonly unknown[] = [], options: AskOptions = {}): Promise<readonly ResultRow[]> {
    try {
      return await this.attempt(text, values, options);
    } catch (error) {
      throw statementFailure(error, this.where);
    }
  }

  /** The same, but throws failures as the driver or the server reports them: see {@link isLoss}. */
  async attempt(
    text: string,
    values: readonly unknown[] = [],
    options: AskOptions = {},
  ): Promise<readonly ResultRow[]> {
    for (let tries = 1; ; tries++) {
      const wasKept = this.#keepsStatements;
      try {
        return await this.#run(text, values, options);
      } catch (error) {
        // If several are under way, each may be the first to notice.
        if (isLostStatement(error) && wasKept) this.#keepsStatements = false;
        else if (!isConflict(error) || tries === conflictTries) throw error;
      }
    }
  }

  /** Runs statements one after the other as one transaction, in a session of its own. */
  async transaction<T>(
    work: (ask: (text: string, values?: readonly unknown[]) => Promise<readonly ResultRow[]>) => Promise<T>,
  ) {
    const session = await this.session();
    const ask = async (text: string, values: readonly unknown[] = []) =>
      (await session.run({ text: this.textOf(text) }, values, slowDeadlineMs)).rows;
    try {
      await ask('BEGIN');
      const result = await work(ask);
      await ask('COMMIT');
      return result;
    } finally {
      // Without a COMMIT the server discards everything.
      await session.end();
    }
  }

  /** A session outside the pool. Tries the hosts in turn, starting with the one that served last. */
  async session(): Promise<Session> {
    const { driver, address } = this.#options;
    const hosts = address.hosts;
    let failure: unknown;
    for (let i = 0; i < hosts.length; i++) {
      const which = (this.#preferred + i) % hosts.length;
      try {
        const session = await Session.open(driver, address, hosts[which] as PostgresHost, connectTimeoutMs);
        this.#preferred = which;
        return session;
      } catch (error) {
        // If there are several hosts, the most informative failure counts: that of one which refuses us.
        if (failure === undefined || isRefusal(error)) failure = error;
      }
    }
    throw failure;
  }

  /** A statement with the schema filled in. */
  textOf(text: string): string {
    return text.replaceAll(/\bmailbridge\./g, `"${this.schema}".`);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#circuit.end();
    await this.#pool.close();
  }

  async #run(text: string, values: readonly unknown[], options: AskOptions): Promise<readonly ResultRow[]> {
    const refused = this.unreachable;
    if (refused) throw refused;
    const session = await this.#lend();
    try {
      const { rows } = await session.run(this.#statement(text, options), values, options.deadlineMs ?? quickDeadlineMs);
      return rows;
    } catch (error) {
      if (isLoss(error)) {
        session.destroy();
        this.#circuit.suspect();
      }
      throw error;
    } finally {
      this.#pool.giveBack(session);
    }
  }

  async #lend(): Promise<Session> {
    try {
      return await this.#pool.lend();
    } catch (error) {
      // No statement was sent. Whatever prevents a session prevents the store from working.
      if (!isTooManyConnections(error)) this.#circuit.suspect();
      throw this.unreachable ?? unreachable(this.where, error);
    }
  }

  #statement(text: string, { once }: AskOptions): ServerStatement {
    if (once) return { text: this.textOf(text) };
    let statement = this.#statements.get(text);
    if (!statement) {
      statement = { name: `mailbridge-${this.#statements.size}`, text: this.textOf(text) };
      this.#statements.set(text, statement);
    }
    return this.#keepsStatements ? statement : { text: statement.text };
  }

  #tell(change: 'unreachable' | 'reachable'): void {
    for (const told of this.#told) told(change);
  }
}
