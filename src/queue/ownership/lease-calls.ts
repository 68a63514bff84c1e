import type { Clock } from '../../base/clock.ts';
import { OneAtATime } from '../../base/one-at-a-time.ts';

/**
 * Calls to the lease table, one at a time: an answer holds until the next call is sent. A call that takes too long is
 * abandoned and its answer ignored: the next renewal shows what it may have done.
 */
export class LeaseCalls {
  readonly #clock: Clock;
  readonly #longestMs: number;
  readonly #order = new OneAtATime();

  constructor(clock: Clock, longestMs: number) {
    this.#clock = clock;
    this.#longestMs = longestMs;
  }

  /**
   * @param answered called with the answer before the next call is sent; never after the call was abandoned
   * @returns rejects as the call does, or when it is abandoned
   */
  run<Answer>(call: () => Promise<Answer>, answered: (answer: Answer) => void = () => {}): Promise<void> {
    return this.#order.run(async () => answered(await this.#inTime(call())));
  }

  #inTime<Answer>(answer: Promise<Answer>): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const seconds = this.#longestMs / 1000;
      const abandon = () => reject(new Error(`The store has not answered for ${seconds} s.`));
      const cancel = this.#clock.after(this.#longestMs, abandon);
      answer.then(resolve, reject).finally(cancel);
    });
  }
}
