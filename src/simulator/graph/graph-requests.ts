import type { GraphOperation } from '../faults.ts';

/** How often an operation was requested on one mailbox. */
export interface GraphRequestCount {
  readonly operation: GraphOperation;
  /** In lower case; empty for requests about no mailbox. */
  readonly mailbox: string;
  readonly requests: number;
  /** Those answered with 4xx, 5xx or not at all. */
  readonly failed: number;
}

/** Counts the Graph requests that passed the token and permission checks; those in a batch one by one. */
export class GraphRequests {
  readonly #counts = new Map<string, { -readonly [name in keyof GraphRequestCount]: GraphRequestCount[name] }>();

  /**
   * Number of requests since the start or the last {@link clear}: all, of one operation, of one mailbox, or of both.
   */
  count(about: Partial<Pick<GraphRequestCount, 'operation' | 'mailbox'>> = {}): number {
    const { operation, mailbox } = about;
    return this.entries()
      .filter((entry) => operation === undefined || entry.operation === operation)
      .filter((entry) => mailbox === undefined || entry.mailbox === mailbox.toLowerCase())
      .reduce((sum, { requests }) => sum + requests, 0);
  }

  entries(): readonly GraphRequestCount[] {
    return [...this.#counts.values()];
  }

  clear(): void {
    this.#counts.clear();
  }

  /** Runs a request and counts it. */
  async counted<T extends { readonly status: number }>(
    operation: GraphOperation,
    mailbox: string,
    request: () => Promise<T>,
  ): Promise<T> {
    const key = `${operation} ${mailbox.toLowerCase()}`;
    const none = { operation, mailbox: mailbox.toLowerCase(), requests: 0, failed: 0 };
    const count = this.#counts.get(key) ?? none;
    this.#counts.set(key, count);
    count.requests++;
    try {
      const answer = await request();
      if (answer.status >= 400) count.failed++;
      return answer;
    } catch (error) {
      count.failed++;
      throw error;
    }
  }
}
