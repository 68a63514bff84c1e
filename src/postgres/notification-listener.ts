import type { Database } from './database.ts';
import type { Session } from './session.ts';

const retryAfterMs = 2000;
const deadlineMs = 5000;
/** The session is asked for a sign of life that often: a connection that has died says nothing by itself. */
const checkEveryMs = 20_000;

/**
 * A session that hears notifications, opened again whenever it breaks. Whether they come is not taken for granted: a
 * pooler between us and the server may swallow them.
 */
export class NotificationListener {
  readonly #db: Database;
  readonly #channel: string;
  readonly #told: (payload: string) => void;
  #session: Session | undefined;
  #timer: NodeJS.Timeout | undefined;
  #ended = false;
  #isHeard = false;

  constructor(db: Database, channel: string, told: (payload: string) => void) {
    this.#db = db;
    this.#channel = channel;
    this.#told = told;
    void this.#open();
  }

  /** Whether notifications have come since the session was opened, and none was missed since. */
  get isHeard(): boolean {
    return this.#isHeard && this.#session?.broken === undefined;
  }

  /** A change was found that no notification had told. */
  missed(): void {
    this.#isHeard = false;
  }

  end(): void {
    this.#ended = true;
    clearTimeout(this.#timer);
    void this.#session?.end();
  }

  async #open(): Promise<void> {
    this.#isHeard = false;
    try {
      if (this.#db.unreachable) throw this.#db.unreachable;
      const session = await this.#db.session();
      this.#session = session;
      session.onNotification((payload) => {
        this.#isHeard = true;
        this.#told(payload);
      });
      session.onBroken(() => this.#again());
      await session.run({ text: `LISTEN "${this.#channel}"` }, [], deadlineMs);
      if (this.#ended) await session.end();
      else this.#check(session);
    } catch {
      // Polling goes on meanwhile.
      this.#session?.destroy();
      this.#again();
    }
  }

  #again(): void {
    if (this.#ended) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#open(), retryAfterMs).unref();
  }

  /** It hears itself where notifications come. */
  #check(session: Session): void {
    session
      .run({ text: 'SELECT pg_notify($1, $2)' }, [this.#channel, 'check'], deadlineMs)
      .catch(() => (this.#isHeard = false))
      .finally(() => {
        if (this.#ended || session.broken) return;
        this.#timer = setTimeout(() => this.#check(session), checkEveryMs).unref();
      });
  }
}
