import { BridgeError } from '../base/errors.ts';
import { isTooManyConnections } from './failures.ts';
import type { Session } from './session.ts';

interface Waiting {
  readonly resolve: (session: Session) => void;
  readonly reject: (error: unknown) => void;
  readonly timer: NodeJS.Timeout;
}

/** A session unused for this long is closed: firewalls drop idle connections silently. */
const idleMs = 60_000;

/** Sessions used by one query after another. */
export class Pool {
  readonly #open: () => Promise<Session>;
  readonly #most: number;
  readonly #patienceMs: number;
  readonly #idle: Session[] = [];
  readonly #lent = new Set<Session>();
  readonly #waiting: Waiting[] = [];
  readonly #sweep: NodeJS.Timeout;
  /** Sessions that are open or being opened. */
  #count = 0;
  /** Increases when all sessions are dropped: those lent out are then not taken back. */
  #generation = 0;
  readonly #generations = new WeakMap<Session, number>();
  #closed = false;

  /** @param patienceMs how long a caller waits for a session while all are lent out */
  constructor(open: () => Promise<Session>, most: number, patienceMs: number) {
    this.#open = open;
    this.#most = most;
    this.#patienceMs = patienceMs;
    this.#sweep = setInterval(() => this.#endIdle(), idleMs / 2).unref();
  }

  /**
   * Lends a session, until {@link giveBack}.
   * @throws what the driver or the server reports if none can be opened
   */
  async lend(): Promise<Session> {
    for (let session = this.#idle.pop(); session; session = this.#idle.pop()) {
      if (!session.broken) return this.#lend(session);
      this.#count--;
    }
    return this.#count >= this.#most ? await this.#wait() : await this.#openOne();
  }

  giveBack(session: Session): void {
    this.#lent.delete(session);
    if (session.broken || this.#closed || this.#generations.get(session) !== this.#generation) {
      session.destroy();
      if (this.#generations.get(session) === this.#generation) this.#count--;
      this.#serve();
      return;
    }
    const next = this.#waiting.shift();
    if (!next) {
      this.#idle.push(session);
      return;
    }
    clearTimeout(next.timer);
    next.resolve(this.#lend(session));
  }

  /** Adds a session that was opened elsewhere. */
  add(session: Session): void {
    this.#count++;
    this.#generations.set(session, this.#generation);
    this.giveBack(session);
  }

  /** The server is gone: waiting callers get the error, and no session is used any more. */
  drop(error: unknown): void {
    this.#generation++;
    this.#count = 0;
    for (const session of [...this.#idle.splice(0), ...this.#lent]) session.destroy();
    this.#lent.clear();
    for (const { reject, timer } of this.#waiting.splice(0)) {
      clearTimeout(timer);
      reject(error);
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#sweep);
    await Promise.all(this.#idle.splice(0).map((session) => session.end()));
  }

  async #openOne(): Promise<Session> {
    const generation = this.#generation;
    this.#count++;
    try {
      const session = await this.#open();
      this.#generations.set(session, generation);
      return this.#lend(session);
    } catch (error) {
      if (generation === this.#generation) this.#count--;
      // The server allows no more sessions: the existing ones have to do.
      if (isTooManyConnections(error) && generation === this.#generation && this.#count > 0) return await this.#wait();
      throw error;
    }
  }

  #lend(session: Session): Session {
    this.#lent.add(session);
    return session;
  }

  #wait(): Promise<Session> {
    return new Promise((resolve, reject) => {
      const waiting: Waiting = {
        resolve,
        reject,
        timer: setTimeout(() => {
          this.#waiting.splice(this.#waiting.indexOf(waiting), 1);
          reject(new BridgeError('queue-unreachable', 'No connection to PostgreSQL became free in time.'));
        }, this.#patienceMs),
      };
      this.#waiting.push(waiting);
    });
  }

  /** A session is gone: a waiting caller gets another. */
  #serve(): void {
    if (this.#closed || this.#count >= this.#most) return;
    const next = this.#waiting.shift();
    if (!next) return;
    clearTimeout(next.timer);
    this.#openOne().then(next.resolve, next.reject);
  }

  #endIdle(): void {
    const before = performance.now() - idleMs;
    for (const session of this.#idle.filter(({ usedAtMs, broken }) => broken || usedAtMs < before)) {
      this.#idle.splice(this.#idle.indexOf(session), 1);
      this.#count--;
      void session.end();
    }
  }
}
