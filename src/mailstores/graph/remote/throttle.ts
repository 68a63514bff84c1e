import type { Clock } from '../../../base/clock.ts';
import { GraphError } from '../../../graph/client/error.ts';
import { RequestBudget, type RequestLimits } from './budget.ts';

/** How a request is waited for. */
export interface RequestWait {
  /** No client waits for it: it leaves room for others. */
  readonly background?: boolean;
  /** Aborted when the caller has gone. */
  readonly signal?: AbortSignal | undefined;
}

/** A longer wait is reported to the waiting client. */
const noticeAfterMs = 3_000;

/** Decides when the next request for a mailbox may be made, by Graph's requests to wait and by its budget. */
export class Throttle {
  readonly #clock: Clock;
  readonly #budget: RequestBudget;
  readonly #listeners = new Set<(text: string) => void>();
  /** Graph has asked the bridge to wait until then, with this answer. */
  #held: { readonly untilMs: number; readonly by: GraphError } | undefined;

  constructor(clock: Clock, limits: RequestLimits) {
    this.#clock = clock;
    this.#budget = new RequestBudget(clock, limits);
  }

  /** Milliseconds for which Graph has asked the bridge to wait. */
  get heldMs(): number {
    return Math.max(0, (this.#held?.untilMs ?? 0) - this.#clock.now());
  }

  /** Calls `listener` when a client is made to wait. @returns a function that ends that */
  onWait(listener: (text: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Graph has asked the bridge to wait. */
  hold(by: GraphError, waitMs: number): void {
    const untilMs = this.#clock.now() + waitMs;
    if (untilMs > (this.#held?.untilMs ?? 0)) this.#held = { untilMs, by };
  }

  /**
   * Waits until both Graph and the budget allow this many requests.
   * @param deadline milliseconds since 1970 @throws GraphError if they are not allowed by then
   */
  async turn(count: number, waiting: RequestWait, deadline: number): Promise<void> {
    for (;;) {
      const { heldMs } = this;
      const waitMs = heldMs > 0 ? heldMs : this.#budget.take(count, waiting.background === true);
      if (waitMs <= 0) return;
      if (this.#clock.now() + waitMs > deadline) throw heldMs > 0 && this.#held ? this.#held.by : overBudget(waitMs);
      await this.#wait(waitMs, waiting, heldMs > 0 ? askedToWait : spent);
    }
  }

  /** Waits before retrying what has failed. @throws the reason of the signal */
  async wait(waitMs: number, waiting: RequestWait): Promise<void> {
    await this.#wait(waitMs, waiting, this.heldMs > 0 ? askedToWait : refused);
  }

  async #wait(waitMs: number, { background, signal }: RequestWait, why: (seconds: string) => string): Promise<void> {
    if (background !== true && waitMs >= noticeAfterMs) this.#tell(why(`${Math.ceil(waitMs / 1000)} seconds`));
    signal?.throwIfAborted();
    await new Promise<void>((resolve, reject) => {
      const cancel = this.#clock.after(waitMs, () => {
        signal?.removeEventListener('abort', abort);
        resolve();
      });
      const abort = () => {
        cancel();
        reject(signal?.reason);
      };
      signal?.addEventListener('abort', abort, { once: true });
    });
  }

  #tell(text: string): void {
    for (const listener of this.#listeners) listener(text);
  }
}

const askedToWait = (seconds: string): string => `Microsoft 365 asks to wait ${seconds}`;
const refused = (seconds: string): string =>
  `Microsoft 365 does not do what it is asked for; the next try is in ${seconds}`;
const spent = (seconds: string): string =>
  `the requests to this mailbox are used up (limits.graphRequestsPerTenMinutes); the next one is in ${seconds}`;

function overBudget(waitMs: number): GraphError {
  const text = `no more requests about the mailbox are allowed for ${Math.ceil(waitMs / 1000)} seconds`;
  return new GraphError(text, { status: 429, code: 'TooManyRequests', retryAfterMs: waitMs });
}
