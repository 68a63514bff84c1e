import type { Clock } from '../base/clock.ts';

/** Runs a task on request: never two runs at once, and one more run however many requests came in meanwhile. */
export class AskedRounds {
  readonly #clock: Clock;
  readonly #monotonicMs: () => number;
  readonly #round: () => Promise<void>;
  #running: Promise<void> | undefined;
  #next: Promise<void> | undefined;
  #timer: { readonly atMs: number; readonly cancel: () => void } | undefined;
  #isStopped = true;

  /** @param round never rejects */
  constructor(clock: Clock, monotonicMs: () => number, round: () => Promise<void>) {
    this.#clock = clock;
    this.#monotonicMs = monotonicMs;
    this.#round = round;
  }

  start(): void {
    this.#isStopped = false;
  }

  /** @returns resolves when a round that began after this call is over; at once after {@link stop} */
  ask(): Promise<void> {
    if (this.#isStopped) return Promise.resolve();
    if (!this.#running) return this.#run();
    this.#next ??= this.#running.then(() => {
      this.#next = undefined;
      return this.#isStopped ? undefined : this.#run();
    });
    return this.#next;
  }

  /** Asks after this delay at the latest. */
  askWithin(delayMs: number): void {
    const atMs = this.#monotonicMs() + delayMs;
    if (this.#isStopped || (this.#timer && this.#timer.atMs <= atMs)) return;
    this.#timer?.cancel();
    const cancel = this.#clock.after(delayMs, () => {
      this.#timer = undefined;
      void this.ask();
    });
    this.#timer = { atMs, cancel };
  }

  /** Begins no further round. */
  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #run(): Promise<void> {
    const running = this.#round().finally(() => {
      this.#running = undefined;
    });
    this.#running = running;
    return running;
  }
}
