import { randomUUID } from 'node:crypto';
import { systemClock } from '../../../../base/clock.ts';
import type { Database } from '../../../../postgres/database.ts';
import { isUnknownFunction } from '../../../../postgres/failures.ts';
import { NotificationListener } from '../../../../postgres/notification-listener.ts';
import { AskedRounds } from '../../../asked-rounds.ts';
import type { StoreChange } from '../../../store.ts';

/** Changes since the last notification. */
interface Content {
  /** Destinations with mail. */
  readonly queued?: readonly string[];
  readonly administered?: true;
  readonly leases?: true;
}

/** Changes that come together are reported together. */
const collectForMs = 20;
const pollMs = 2000;
/** Poll interval while notifications are known to arrive. */
const slowPollMs = 15_000;
/** After this time a change is known to everybody, or nobody can know what was missed. */
const keptForSeconds = 60;
/** PostgreSQL accepts less than 8,000 octets. */
const mostNotified = 7500;
const mostDestinations = 5000;
const purgeEvery = 20;

const write = (notify: string) => `
  WITH written AS (INSERT INTO mailbridge.changes (origin, content) VALUES ($1, $2) RETURNING id)
  SELECT set_config('synchronous_commit', 'off', true) ${notify} FROM written`;
const withNotification = write(', pg_notify($3, id || $4)');
const without = write('');

/**
 * Reports this instance's changes to the others, and theirs to this one: through LISTEN and NOTIFY, and through a table
 * that is polled, more often if notifications do not arrive. Only after a change is committed: a notification within
 * the transaction would make all instances commit one after the other.
 */
export class Changes {
  readonly #db: Database;
  readonly #listens: boolean;
  readonly #origin = randomUUID();
  readonly #told = new Set<(change: StoreChange) => void>();
  readonly #queued = new Set<string>();
  #administered = false;
  #leases = false;
  #writing: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #canNotify = true;

  #listening: NotificationListener | undefined;
  #unwatch: (() => void) | undefined;
  /** Another poll follows if something to find arrives while one is under way. */
  readonly #polls: AskedRounds;
  #polled = 0;
  /** Changes already reported, and when. */
  readonly #seen = new Map<number, number>();

  /** @param listens false: only polls the table */
  constructor(db: Database, listens: boolean) {
    this.#db = db;
    this.#listens = listens;
    this.#polls = new AskedRounds(
      systemClock,
      () => performance.now(),
      () => this.#poll(),
    );
  }

  /** Mail has arrived for these destinations. */
  queued(destinations: Iterable<string>): void {
    for (const each of destinations) this.#queued.add(each);
    this.#schedule();
  }

  administered(): void {
    this.#administered = true;
    this.#schedule();
  }

  leases(): void {
    this.#leases = true;
    this.#schedule();
  }

  /** See {@link QueueStore.subscribe}. */
  subscribe(told: (change: StoreChange) => void): () => void {
    this.#told.add(told);
    if (this.#told.size === 1) this.#start();
    return () => {
      this.#told.delete(told);
      if (this.#told.size === 0) this.#stop();
    };
  }

  /** Reports what is pending, and ends. */
  async close(): Promise<void> {
    this.#told.clear();
    this.#stop();
    clearTimeout(this.#timer);
    this.#timer = undefined;
    await this.#writing;
    if (!this.#db.unreachable) await this.#write();
  }

  #schedule(): void {
    if (this.#timer || this.#writing) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#writing = this.#write().finally(() => {
        this.#writing = undefined;
        if (this.#isPending()) this.#schedule();
      });
    }, collectForMs);
  }

  #isPending(): boolean {
    return this.#queued.size > 0 || this.#administered || this.#leases;
  }

  /** Never rejects: an instance that cannot be notified now looks at everything once the server is reachable again. */
  async #write(): Promise<void> {
    if (!this.#isPending()) return;
    const tooMany = this.#queued.size > mostDestinations;
    const content: Content = {
      ...(this.#queued.size > 0 && !tooMany && { queued: [...this.#queued] }),
      ...((this.#administered || tooMany) && { administered: true }),
      ...(this.#leases && { leases: true }),
    };
    this.#queued.clear();
    this.#administered = this.#leases = false;
    try {
      await this.#send(JSON.stringify(content));
    } catch {
      // The others' next poll finds nothing either; they find due mail on their own.
    }
  }

  async #send(content: string): Promise<void> {
    if (!this.#canNotify) {
      await this.#db.ask(without, [this.#origin, content]);
      return;
    }
    const payload = Buffer.byteLength(content) > mostNotified ? '' : content;
    try {
      await this.#db.attempt(withNotification, [
        this.#origin,
        content,
        channelOf(this.#db),
        ` ${this.#origin} ${payload}`,
      ]);
    } catch (error) {
      if (!isUnknownFunction(error)) throw error;
      this.#canNotify = false;
      await this.#db.ask(without, [this.#origin, content]);
    }
  }

  #start(): void {
    if (this.#listens)
      this.#listening = new NotificationListener(this.#db, channelOf(this.#db), (payload) => this.#notified(payload));
    this.#unwatch = this.#db.watch((kind) => {
      this.#tell({ kind });
      if (kind === 'reachable') void this.#polls.ask();
    });
    this.#polls.start();
    this.#polls.askWithin(pollMs);
  }

  #stop(): void {
    this.#listening?.end();
    this.#listening = undefined;
    this.#unwatch?.();
    this.#polls.stop();
  }

  /** `ID ORIGIN CONTENT`; the content is left out if it is too long. */
  #notified(payload: string): void {
    const [, id, origin, content] = /^(\d+) (\S+) (.*)$/s.exec(payload) ?? [];
    if (id === undefined || origin === this.#origin) return;
    if (content) this.#take(Number(id), content);
    else void this.#polls.ask();
  }

  /** Never rejects. */
  async #poll(): Promise<void> {
    try {
      if (!this.#db.unreachable) await this.#look();
    } catch {
      // The next poll tries again.
    }
    this.#polls.askWithin(this.#listening?.isHeard ? slowPollMs : pollMs);
  }

  async #look(): Promise<void> {
    const rows = await this.#db.ask(
      `SELECT id, content FROM mailbridge.changes
       WHERE origin <> $1 AND at > clock_timestamp() - $2 * interval '1 second' ORDER BY id`,
      [this.#origin, keptForSeconds / 2],
    );
    for (const row of rows) {
      const isNew = this.#take(row.id as number, row.content as string);
      if (isNew) this.#listening?.missed();
    }
    const before = performance.now() - keptForSeconds * 1000;
    for (const [id, atMs] of this.#seen) if (atMs < before) this.#seen.delete(id);
    if (this.#polled++ % purgeEvery === 0) {
      await this.#db.ask(`DELETE FROM mailbridge.changes WHERE at < clock_timestamp() - $1 * interval '1 second'`, [
        keptForSeconds,
      ]);
    }
  }

  /** @returns whether it had not been reported before */
  #take(id: number, content: string): boolean {
    if (this.#seen.has(id)) return false;
    this.#seen.set(id, performance.now());
    const { queued, administered, leases } = JSON.parse(content) as Content;
    if (queued) this.#tell({ kind: 'queued', destinations: queued });
    if (administered) this.#tell({ kind: 'administered' });
    if (leases) this.#tell({ kind: 'leases' });
    return true;
  }

  #tell(change: StoreChange): void {
    for (const told of this.#told) told(change);
  }
}

function channelOf(db: Database): string {
  return `mailbridge_${db.schema}`;
}
