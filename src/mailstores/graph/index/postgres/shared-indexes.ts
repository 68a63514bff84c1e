import { randomUUID } from 'node:crypto';
import { BridgeError } from '../../../../base/errors.ts';
import { sharedStoreUnavailable } from '../../../../base/record-table.ts';
import { postgresAddress } from '../../../../postgres/address.ts';
import { type AskOptions, Database } from '../../../../postgres/database.ts';
import { bringUpToDate } from '../../../../postgres/migration.ts';
import { NotificationListener } from '../../../../postgres/notification-listener.ts';
import type { ResultRow } from '../../../../postgres/session.ts';
import type { ShareIndex } from '../mailbox-index.ts';
import { SharedAuthority } from './authority.ts';
import { indexFormat } from './schema.ts';

/** Where instances share mailbox indexes: the database of their queue. */
export interface SharedIndexesOptions {
  /** A connection URL; see {@link postgresAddress}. */
  readonly url: string;
  /** PEM file with the authorities trusted for the server's certificate. Default: those Node.js trusts. */
  readonly caFile?: string;
  /** The schema of the tables. Default: `mailbridge`. */
  readonly schema?: string;
  /** Maximum number of sessions with the server, besides the one that listens. Default: 4. */
  readonly poolSize?: number;
}

/** A broken connection must be replaced within this time; otherwise the server counts as unavailable. */
const patienceMs = 1_500;
/** Writes within this time are announced together. */
const collectForMs = 20;
/** PostgreSQL accepts less than 8,000 bytes. */
const mostTold = 300;

/** A server ready for queries, with tables in this version's format. */
interface Opened {
  readonly db: Database;
  readonly listener: NotificationListener;
}

/** The indexes that instances share in PostgreSQL. Opens nothing before the first mailbox is read. */
export class SharedIndexes {
  readonly #options: SharedIndexesOptions;
  readonly #origin = randomUUID();
  readonly #followers = new Map<number, Set<() => void>>();
  readonly #written = new Set<number>();
  #db: Promise<Database> | undefined;
  #opening: Promise<Opened> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(options: SharedIndexesOptions) {
    this.#options = options;
  }

  /** Creates the authority of one mailbox's index. */
  get share(): ShareIndex {
    return (mailbox, tables) => new SharedAuthority(mailbox, tables, this);
  }

  /**
   * Runs one statement, which is its own transaction and can safely be run twice.
   * @param address the mailbox whose index it concerns
   * @throws BridgeError `shared-store-unavailable`, `queue-store-refused`, `queue-format-newer`
   */
  async ask(
    address: string,
    text: string,
    values: readonly unknown[],
    options: AskOptions = {},
  ): Promise<readonly ResultRow[]> {
    try {
      const { db } = await this.#open();
      try {
        return await db.ask(text, values, options);
      } catch (error) {
        if (!isUnreachable(error) || !(await db.reachable(patienceMs))) throw error;
        return await db.ask(text, values, options);
      }
    } catch (error) {
      if (!isUnreachable(error)) throw error;
      throw sharedStoreUnavailable(`The index of ${address} is`, error);
    }
  }

  /** A folder was written: notifies other instances. */
  written(folder: number): void {
    this.#written.add(folder);
    this.#timer ??= setTimeout(() => void this.#tellOthers(), collectForMs);
  }

  /**
   * Calls `told` when another instance has written to a folder, unless the notification is lost.
   * @returns a function that ends it
   */
  follow(folder: number, told: () => void): () => void {
    const followers = this.#followers.get(folder) ?? new Set();
    this.#followers.set(folder, followers.add(told));
    return () => {
      followers.delete(told);
      if (followers.size === 0 && this.#followers.get(folder) === followers) this.#followers.delete(folder);
    };
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    const opened = await this.#opening?.catch(() => undefined);
    opened?.listener.end();
    await (await this.#db?.catch(() => undefined))?.close();
  }

  async #open(): Promise<Opened> {
    if (this.#isClosed) throw new BridgeError('queue-unreachable', 'The bridge ends.');
    this.#opening ??= this.#openOnce().catch((error: unknown) => {
      this.#opening = undefined;
      throw error;
    });
    return await this.#opening;
  }

  async #openOnce(): Promise<Opened> {
    this.#db ??= this.#connect();
    const db = await this.#db;
    await bringUpToDate(db, indexFormat);
    const listener = new NotificationListener(db, channelOf(db), (payload) => this.#notified(payload));
    return { db, listener };
  }

  async #connect(): Promise<Database> {
    const { url, caFile, schema = 'mailbridge', poolSize = 4 } = this.#options;
    const { default: driver } = await import('pg');
    return new Database({ driver, address: postgresAddress(url, caFile), schema, poolSize });
  }

  /** Runs after the commit: a notification within the transaction would make all instances commit one after another. */
  async #tellOthers(): Promise<void> {
    this.#timer = undefined;
    const folders = [...this.#written];
    this.#written.clear();
    try {
      const { db } = await this.#open();
      for (let start = 0; start < folders.length; start += mostTold) {
        const payload = [this.#origin, ...folders.slice(start, start + mostTold)].join(' ');
        await db.ask('SELECT pg_notify($1, $2)', [channelOf(db), payload]);
      }
    } catch {
      // The other instances look every few seconds anyway.
    }
  }

  /** `ORIGIN FOLDER…` */
  #notified(payload: string): void {
    const [origin, ...folders] = payload.split(' ');
    if (origin === this.#origin) return;
    for (const folder of folders) for (const told of this.#followers.get(Number(folder)) ?? []) told();
  }
}

function isUnreachable(error: unknown): boolean {
  return error instanceof BridgeError && (error.code === 'queue-unreachable' || error.code === 'queue-full');
}

function channelOf(db: Database): string {
  return `mailbridge_index_${db.schema}`;
}
