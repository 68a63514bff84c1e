import { NumberedList } from './journal.ts';

/** A Microsoft limit that a client exceeded. */
export const limitNames = [
  'messagesPerMinute',
  'recipientsPerDay',
  'externalRecipientsPerDay',
  'sameDomainRecipients',
  'graphConcurrency',
  'graphRequestsPer10Minutes',
  'smtpConnections',
  'requestSize',
  'messageSize',
  'uploadBytesPer5Minutes',
] as const;
export type LimitName = (typeof limitNames)[number];

/** One request refused because a limit was exceeded. */
export interface Violation {
  readonly n: number;
  readonly limit: LimitName;
  readonly mailbox: string;
  /** ISO 8601. */
  readonly at: string;
}

/** Every time a limit was exceeded, for tests of code that must respect limits. */
export class Violations {
  readonly #list = new NumberedList<Violation>(10_000);
  readonly #counts = new Map<LimitName, number>();

  add(limit: LimitName, mailbox: string): void {
    this.#counts.set(limit, (this.#counts.get(limit) ?? 0) + 1);
    this.#list.add({ limit, mailbox: mailbox.toLowerCase(), at: new Date().toISOString() });
  }

  /** Number of violations since the start or the last {@link clear}. */
  get count(): number {
    return this.#list.count;
  }

  /** The number of each kind; kinds without any are not listed. */
  counts(): Readonly<Partial<Record<LimitName, number>>> {
    return Object.fromEntries(this.#counts);
  }

  /** The latest 10,000, or those above a number. */
  entries(after = 0): readonly Violation[] {
    return this.#list.entries(after);
  }

  clear(): void {
    this.#list.clear();
    this.#counts.clear();
  }
}
