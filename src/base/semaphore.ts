/** A bounded number of permits. Callers that find none wait, first come, first served. */
export class Semaphore {
  readonly #waiting: (() => void)[] = [];
  readonly #permits: number;
  #free: number;

  /** @param permits 1 or more */
  constructor(permits: number) {
    this.#permits = permits;
    this.#free = permits;
  }

  /** Whether nobody holds a permit or waits for one. */
  get isIdle(): boolean {
    return this.#free === this.#permits && this.#waiting.length === 0;
  }

  /** @returns a function that gives the permit back, with effect only once; undefined if none is free */
  tryAcquire(): (() => void) | undefined {
    if (this.#free === 0) return undefined;
    this.#free -= 1;
    return this.#release();
  }

  /**
   * Waits for a permit.
   * @returns a function that gives it back, with effect only once
   * @throws the reason of `signal`
   */
  async acquire(signal: AbortSignal): Promise<() => void> {
    signal.throwIfAborted();
    const release = this.tryAcquire();
    if (release !== undefined) return release;
    await this.#turn(signal);
    return this.#release();
  }

  /** A permit is passed on without becoming free in between, so that nobody jumps the queue. */
  #release(): () => void {
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      const next = this.#waiting.shift();
      if (next === undefined) this.#free += 1;
      else next();
    };
  }

  #turn(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const giveUp = () => {
        this.#waiting.splice(this.#waiting.indexOf(admit), 1);
        reject(signal.reason);
      };
      const admit = () => {
        signal.removeEventListener('abort', giveUp);
        resolve();
      };
      signal.addEventListener('abort', giveUp, { once: true });
      this.#waiting.push(admit);
    });
  }
}

/** A {@link Semaphore} for each key; keys without a held permit take no memory. */
export class KeyedSemaphore {
  readonly #permitsPerKey: number;
  readonly #semaphores = new Map<string, Semaphore>();

  /** @param permitsPerKey 1 or more */
  constructor(permitsPerKey: number) {
    this.#permitsPerKey = permitsPerKey;
  }

  /** See {@link Semaphore.tryAcquire}. */
  tryAcquire(key: string): (() => void) | undefined {
    const semaphore = this.#semaphore(key);
    const release = semaphore.tryAcquire();
    return release && this.#forgetting(key, semaphore, release);
  }

  /** See {@link Semaphore.acquire}. */
  async acquire(key: string, signal: AbortSignal): Promise<() => void> {
    signal.throwIfAborted();
    const semaphore = this.#semaphore(key);
    return this.#forgetting(key, semaphore, await semaphore.acquire(signal));
  }

  #semaphore(key: string): Semaphore {
    const known = this.#semaphores.get(key);
    if (known !== undefined) return known;
    const semaphore = new Semaphore(this.#permitsPerKey);
    this.#semaphores.set(key, semaphore);
    return semaphore;
  }

  #forgetting(key: string, semaphore: Semaphore, release: () => void): () => void {
    return () => {
      release();
      if (semaphore.isIdle && this.#semaphores.get(key) === semaphore) this.#semaphores.delete(key);
    };
  }
}
