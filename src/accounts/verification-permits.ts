export interface VerificationPermitsOptions {
  /** Permits held at the same time. */
  readonly maxConcurrent: number;
  /** Maximum number waiting for one, in total. */
  readonly maxWaiting: number;
  /** Maximum number waiting from one network. */
  readonly maxWaitingPerNetwork: number;
  /** Maximum number waiting for one account from one network. */
  readonly maxWaitingPerAccount: number;
}

/** Tells a waiting caller whether it got the permit or had to make room. */
type Waiter = (has: boolean) => void;
type Waiters = Map<string, Waiter[]>;

/**
 * Permits for costly work, shared fairly: networks take turns, and so do the accounts within a network. If the waiting
 * room is full, whoever takes most of it makes room for whoever takes less: many guessers at one address or one account
 * do not keep other addresses or accounts from their turn.
 */
export class VerificationPermits {
  readonly #options: VerificationPermitsOptions;
  /** By network, then by account, in order of their turns. */
  readonly #waiting = new Map<string, Waiters>();
  #running = 0;

  constructor(options: VerificationPermitsOptions) {
    this.#options = options;
  }

  /** Waits for a permit. @returns false if too many are already waiting */
  async acquire(network: string, account: string): Promise<boolean> {
    if (this.#running < this.#options.maxConcurrent) {
      this.#running++;
      return true;
    }
    if (!this.#makeRoom(network, account)) return false;
    return new Promise<boolean>((resolve) => {
      const waiters: Waiters = this.#waiting.get(network) ?? new Map();
      this.#waiting.set(network, waiters.set(account, [...(waiters.get(account) ?? []), resolve]));
    });
  }

  /** Passes the permit to the next in turn, or returns it. */
  release(): void {
    const next = this.#next();
    if (next) next(true);
    else this.#running--;
  }

  #next(): Waiter | undefined {
    const [network] = this.#waiting;
    if (network === undefined) return undefined;
    const [name, waiters] = network;
    const [[account, queue] = ['', []]] = waiters;
    const next = queue.shift();
    // Moved behind all others for the next turn.
    waiters.delete(account);
    if (queue.length > 0) waiters.set(account, queue);
    this.#waiting.delete(name);
    if (waiters.size > 0) this.#waiting.set(name, waiters);
    return next;
  }

  #makeRoom(network: string, account: string): boolean {
    const { maxWaiting, maxWaitingPerNetwork, maxWaitingPerAccount } = this.#options;
    const waiters = this.#waiting.get(network) ?? new Map<string, Waiter[]>();
    const own = waiters.get(account)?.length ?? 0;
    const here = countOf(waiters);
    if (own >= maxWaitingPerAccount) return false;
    if (here >= maxWaitingPerNetwork) return this.#drop(network, own + 1);
    const networks = [...this.#waiting].map(([name, each]) => ({ name, count: countOf(each) }));
    if (networks.reduce((sum, { count }) => sum + count, 0) < maxWaiting) return true;
    const largest = networks.reduce((most, each) => (each.count > most.count ? each : most), { name: '', count: 0 });
    return largest.name === network
      ? this.#drop(network, own + 1)
      : largest.count > here + 1 && this.#drop(largest.name, 0);
  }

  /** Evicts the last of a network's longest queue, if that is longer than `length`. */
  #drop(network: string, length: number): boolean {
    const waiters = this.#waiting.get(network);
    if (waiters === undefined) return false;
    const [account, queue] = [...waiters].reduce((most, each) => (each[1].length > most[1].length ? each : most));
    if (queue.length <= length) return false;
    queue.pop()?.(false);
    if (queue.length === 0) waiters.delete(account);
    if (waiters.size === 0) this.#waiting.delete(network);
    return true;
  }
}

function countOf(waiters: Waiters): number {
  let count = 0;
  for (const queue of waiters.values()) count += queue.length;
  return count;
}
