import type { Usage } from '../../room.ts';
import type { Statements } from './statements.ts';

/** What the queue holds, counted once and then kept up to date; counted again when another process has changed it. */
export class StoredUsage {
  readonly #db: Statements;
  #known: (Usage & { readonly foreignChanges: number }) | undefined;

  constructor(db: Statements) {
    this.#db = db;
  }

  current(): Usage {
    const foreignChanges = foreignChangesOf(this.#db);
    if (this.#known?.foreignChanges !== foreignChanges) {
      const { messages, octets } = this.#db
        .sql(`SELECT count(*) AS messages, ifnull(sum(size), 0) AS octets FROM messages WHERE state <> 'delivered'`)
        .get() as unknown as Usage;
      this.#known = { messages, octets, foreignChanges };
    }
    return this.#known;
  }

  add(messages: number, octets: number): void {
    const known = this.#known;
    if (known) this.#known = { ...known, messages: known.messages + messages, octets: known.octets + octets };
  }

  /** Something has changed that is not counted here. */
  forget(): void {
    this.#known = undefined;
  }
}

/** Changes whenever another process has changed the database. */
export function foreignChangesOf(db: Statements): number {
  return db.sql('PRAGMA data_version').get()?.data_version as number;
}
