/** Counts work in progress, so that what it needs is closed when the last of it has ended. */
export class InUse {
  #count = 0;
  readonly #waiting: (() => void)[] = [];

  /** Runs work, which counts until it has ended, however it ends. */
  async during<Result>(work: () => Promise<Result>): Promise<Result> {
    this.#count++;
    try {
      return await work();
    } finally {
      if (--this.#count === 0) for (const resolve of this.#waiting.splice(0)) resolve();
    }
  }

  /** Resolves once no work is in progress. */
  unused(): Promise<void> {
    if (this.#count === 0) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}
