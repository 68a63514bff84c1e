import type { Clock } from '../../../base/clock.ts';
import type { LdapConnection } from './connection.ts';

const idleMs = 30_000;

/**
 * A pool of open connections of one kind. Its users limit their number. A connection unused for half a minute is
 * closed, before a firewall on the path forgets it.
 */
export class LdapPool {
  readonly #open: () => Promise<LdapConnection>;
  readonly #clock: Clock;
  readonly #idle = new Map<LdapConnection, () => void>();
  #isClosed = false;

  /** @param open opens a connection ready for use */
  constructor(open: () => Promise<LdapConnection>, clock: Clock) {
    this.#open = open;
    this.#clock = clock;
  }

  /**
   * Runs work with a connection. If an idle one turns out to be dead, retries once with a new one. Rejects like `work`,
   * or like opening a connection.
   */
  async use<T>(work: (connection: LdapConnection) => Promise<T>): Promise<T> {
    const idle = this.#takeIdle();
    if (idle) {
      try {
        return await work(idle);
      } catch (error) {
        if (idle.isOpen || idle.timedOut) throw error;
      } finally {
        this.#giveBack(idle);
      }
    }
    const fresh = await this.#open();
    try {
      return await work(fresh);
    } finally {
      this.#giveBack(fresh);
    }
  }

  /** Closes idle connections, and from now on any that is given back. */
  close(): void {
    this.#isClosed = true;
    for (const connection of this.#idle.keys()) this.#drop(connection);
  }

  #takeIdle(): LdapConnection | undefined {
    for (const [connection, cancel] of this.#idle) {
      cancel();
      this.#idle.delete(connection);
      if (connection.isOpen) return connection;
      connection.close();
    }
    return undefined;
  }

  #giveBack(connection: LdapConnection): void {
    if (this.#isClosed || !connection.isOpen) connection.close();
    else
      this.#idle.set(
        connection,
        this.#clock.after(idleMs, () => this.#drop(connection)),
      );
  }

  #drop(connection: LdapConnection): void {
    this.#idle.get(connection)?.();
    this.#idle.delete(connection);
    connection.close();
  }
}
