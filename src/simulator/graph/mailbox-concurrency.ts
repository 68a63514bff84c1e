import type { SendingLimits } from '../delivery/sending-limits.ts';
import { GraphFault } from './graph-error.ts';

/** Counts the concurrent requests per app and mailbox. Learn, "Outlook service limits". */
export class MailboxConcurrency {
  readonly #limit: number;
  readonly #limits: SendingLimits;
  readonly #underWay = new Map<string, number>();

  /** @param limits where requests beyond the limit are counted */
  constructor(limit: number, limits: SendingLimits) {
    this.#limit = limit;
    this.#limits = limits;
  }

  /** Runs one request. @throws GraphFault 429 beyond the limit */
  async run<T>(appId: string, mailbox: string, request: () => Promise<T>): Promise<T> {
    const key = `${appId} ${mailbox.toLowerCase()}`;
    const before = this.#underWay.get(key) ?? 0;
    if (before >= this.#limit) {
      this.#limits.violated('graphConcurrency', mailbox);
      throw new GraphFault(429, 'ApplicationThrottled', 'Application is over its MailboxConcurrency limit.', {
        'Retry-After': '1',
      });
    }
    this.#underWay.set(key, before + 1);
    try {
      return await request();
    } finally {
      const now = (this.#underWay.get(key) ?? 1) - 1;
      if (now > 0) this.#underWay.set(key, now);
      else this.#underWay.delete(key);
    }
  }
}
