import type { Database } from './database.ts';
import type { Session } from './session.ts';

const retryAfterMs = 2000;
const deadlineMs = 5000;
/** How often the session is checked: a dead connection does not show by itself. */
const checkEveryMs = 20_000;

/**
 * A session that receives notifications, reopened whenever it breaks. It does not assume that they arrive: a pooler
 * between us and the server may swallow them.
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

  /** Whether notifications have arrived since the session was opened, and none has been missed since. */
  get isHeard(): boolean {
    return this.#isHeard && this.#session?.broken === undefined;
  }

  /** A change was found that no notification had reported. */
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
      // Polling continues meanwhile.
      this.#session?.destroy();
      this.#again();
    }
  }

  #again(): void {
    if (this.#ended) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#open(), retryAfterMs).unref();
  }

  /** It hears its own notification if they arrive. */
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
