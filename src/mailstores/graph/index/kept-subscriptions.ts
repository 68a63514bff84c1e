import type { IndexDatabase } from './database.ts';

/**
 * Subscriptions of names that are no longer folders: they stay until the client removes them (RFC 9051 section 6.3.7).
 */
export class KeptSubscriptions {
  readonly #db: IndexDatabase;

  constructor(db: IndexDatabase) {
    this.#db = db;
  }

  names(): readonly string[] {
    return JSON.parse(this.#db.fact('kept_subscriptions') ?? '[]') as string[];
  }

  has(name: string): boolean {
    return this.names().includes(name);
  }

  add(name: string): void {
    // Nobody needs more, and every list includes them all.
    this.#write([...this.names().filter((each) => each !== name), name].slice(-maxKept));
  }

  /** @returns whether it existed */
  remove(name: string): boolean {
    const left = this.names().filter((each) => each !== name);
    if (left.length === this.names().length) return false;
    this.#write(left);
    return true;
  }

  /** Takes over what another instance has written. */
  replace(names: readonly string[]): void {
    if (names.join('\n') !== this.names().join('\n')) this.#write(names);
  }

  #write(names: readonly string[]): void {
    this.#db.setFact('kept_subscriptions', JSON.stringify(names));
  }
}

const maxKept = 1_000;
