import { type RecordTable, recordKinds } from '../../base/record-table.ts';
import type { AlertNews } from './condition.ts';

/** News that the webhook has not taken yet. */
export interface WaitingPost {
  readonly key: string;
  readonly news: AlertNews;
}

/** After this time nobody wants to know any more. */
const keptMs = 24 * 3_600_000;

/** Keeps what waits for the webhook in the store, so that a restart loses none of it. */
export class WaitingPosts {
  readonly #records: RecordTable;
  readonly #prefix: string;
  #count = 0;

  /** @param instance that the news belong to */
  constructor(records: RecordTable, instance: string) {
    this.#records = records;
    this.#prefix = `${instance} `;
  }

  /** @throws what the store throws */
  async add(news: AlertNews, nowMs: number): Promise<WaitingPost> {
    // Ordered, even within one millisecond.
    const key = `${this.#prefix}${new Date(nowMs).toISOString()} ${String(this.#count++).padStart(9, '0')}`;
    await this.#records.put(recordKinds.alertPost, key, JSON.stringify(news), { expiresAtMs: nowMs + keptMs });
    return { key, news };
  }

  /** Oldest first. @throws what the store throws */
  async all(nowMs: number): Promise<WaitingPost[]> {
    const found = await this.#records.list(recordKinds.alertPost, nowMs, this.#prefix);
    const posts = [...found].map(([key, { value }]) => ({ key, news: JSON.parse(value) as AlertNews }));
    return posts.toSorted((a, b) => (a.key < b.key ? -1 : 1));
  }

  /** @throws what the store throws */
  remove({ key }: WaitingPost): Promise<void> {
    return this.#records.delete(recordKinds.alertPost, key);
  }
}
