/** Limits on simultaneously open connections. */
export interface ConnectionLimits {
  readonly maxConnections: number;
  /** From one address; for IPv6, from one /64 network. */
  readonly maxConnectionsPerAddress: number;
}

/** Counts connections from the moment they are accepted, in total and by source. */
export class ConnectionCounts {
  readonly #limits: ConnectionLimits;
  readonly #bySource = new Map<string, number>();
  #open = 0;

  constructor(limits: ConnectionLimits) {
    this.#limits = limits;
  }

  /** Returns the limit that prevents one more connection from a source, if any. */
  exceeded(source: string): 'total' | 'address' | undefined {
    if (this.#open >= this.#limits.maxConnections) return 'total';
    return this.from(source) >= this.#limits.maxConnectionsPerAddress ? 'address' : undefined;
  }

  get open(): number {
    return this.#open;
  }

  from(source: string): number {
    return this.#bySource.get(source) ?? 0;
  }

  /** @returns a function that removes it again, to be called once */
  add(source: string): () => void {
    this.#open++;
    this.#bySource.set(source, this.from(source) + 1);
    return () => {
      this.#open--;
      const left = this.from(source) - 1;
      if (left > 0) this.#bySource.set(source, left);
      else this.#bySource.delete(source);
    };
  }
}
