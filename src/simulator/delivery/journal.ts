/** One accepted submission. */
export interface JournalEntry {
  /** 1 for the first, and so on. */
  readonly n: number;
  readonly via: 'graph' | 'smtp';
  /** The mailbox it was sent as. */
  readonly mailbox: string;
  readonly messageId: string;
  /** The recipients it was delivered to, each once: the SMTP envelope, or To, Cc and Bcc. */
  readonly recipients: readonly string[];
  /** Bytes of the message as submitted. */
  readonly size: number;
  /** ISO 8601. */
  readonly at: string;
}

/** A message that left the tenant. */
export interface OutboxEntry {
  readonly n: number;
  readonly via: 'graph' | 'smtp';
  readonly reversePath: string;
  readonly recipients: readonly string[];
  readonly messageId: string;
  readonly size: number;
  readonly at: string;
}

/** A list that numbers its entries from 1 and forgets the oldest ones beyond a limit. */
export class NumberedList<T extends { readonly n: number }> {
  readonly #limit: number;
  #entries: T[] = [];
  #last = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  add(entry: Omit<T, 'n'>): T {
    const numbered = { n: ++this.#last, ...entry } as T;
    this.#entries.push(numbered);
    // A tenth at a time: dropping one per added entry would move the whole list every time.
    if (this.#entries.length > this.#limit) this.#entries.splice(0, Math.ceil(this.#limit / 10));
    return numbered;
  }

  /** Entries with a number above `after`, in order. */
  entries(after = 0): readonly T[] {
    return after <= 0 ? [...this.#entries] : this.#entries.filter(({ n }) => n > after);
  }

  get(n: number): T | undefined {
    return this.#entries.find((entry) => entry.n === n);
  }

  /** Number of entries since the start or the last {@link clear}, dropped ones included. */
  get count(): number {
    return this.#last;
  }

  clear(): void {
    this.#entries = [];
    this.#last = 0;
  }
}
