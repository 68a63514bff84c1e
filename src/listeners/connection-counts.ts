/** Connections open at the same time. */
export interface ConnectionLimits {
  readonly maxConnections: number;
  /** From one address; of IPv6, from one /64 network. */
  readonly maxConnectionsPerAddress: number;
}

/** Counts connections from the moment they are accepted, all together and by where they come from. */
export class ConnectionCounts {
  readonly #limits: ConnectionLimits;
  readonly #bySource = new Map<string, number>();
  #open = 0;

  constructor(limits: ConnectionLimits) {
    this.#limits = limits;
  }

  /** Which limit keeps one more connection from there out, if one does. */
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

  /** @returns what takes it off again, to be called once */
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
