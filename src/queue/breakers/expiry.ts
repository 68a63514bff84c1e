import type { Clock } from '../../base/clock.ts';
import type { Log } from '../../base/log.ts';
import type { AttemptLog } from '../attempts/attempt-log.ts';
import { givenUp, type Verdict } from '../attempts/verdict.ts';
import type { QueuedMessage } from '../message.ts';
import type { AttemptResult, QueueStore } from '../store.ts';
import type { Breakers } from './breakers.ts';

export interface BreakerExpiryOptions {
  readonly store: QueueStore;
  readonly clock: Clock;
  readonly log: Log;
  readonly breakers: Breakers;
  readonly attemptLog: AttemptLog;
  isUnderWay(message: QueuedMessage): boolean;
  /** Composes the notification to the sender; never rejects. */
  bounce(message: QueuedMessage, verdict: Verdict): Promise<AttemptResult['bounce']>;
  onQueued(bounce: QueuedMessage, message: QueuedMessage): void;
}

/** Read at a time. */
const atATime = 50;

/** Gives up messages whose time runs out while an open breaker keeps them from their last attempt. */
export class BreakerExpiry {
  readonly #options: BreakerExpiryOptions;
  /** An attempt must not begin now. */
  readonly #givingUp = new Set<string>();
  /** Nothing that was seen before then says how long a message has been tried. */
  #clockSetAtMs = Number.NEGATIVE_INFINITY;
  #round: Promise<void> | undefined;
  #stopped = false;

  constructor(options: BreakerExpiryOptions) {
    this.#options = options;
  }

  isGivingUp(id: string): boolean {
    return this.#givingUp.has(id);
  }

  clockWasSet(): void {
    this.#clockSetAtMs = this.#options.clock.now();
  }

  /** Never rejects. */
  async look(): Promise<void> {
    this.#round ??= this.#lookThrough()
      .catch((error: unknown) => this.#options.log.error({ error }, 'queue: the store cannot be read or written'))
      .then(() => {
        this.#round = undefined;
      });
    await this.#round;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#round;
  }

  async #lookThrough(): Promise<void> {
    const { store, clock, breakers } = this.#options;
    const connections = new Set(breakers.view().map(({ connection }) => connection));
    for (const connection of connections) {
      for (let afterId = ''; !this.#stopped; ) {
        const expired = store.expired(connection, clock.now(), afterId, atATime);
        for (const message of expired) await this.#look(message);
        const last = expired.at(-1);
        if (!last || expired.length < atATime) break;
        afterId = last.id;
      }
    }
  }

  async #look(message: QueuedMessage): Promise<void> {
    const { clock, breakers, isUnderWay } = this.#options;
    const open = breakers.gate(message.connection).open(message.courier);
    if (!open || isUnderWay(message)) return;
    if (clock.now() < endOf(message, Math.max(open.sinceMs, this.#clockSetAtMs))) return;
    this.#givingUp.add(message.id);
    try {
      const { outcome, code, text, remedy } = open.trouble;
      await this.#giveUp(message, givenUp(message, { outcome, code, text, ...(remedy ? { remedy } : {}) }));
    } finally {
      this.#givingUp.delete(message.id);
    }
  }

  async #giveUp(message: QueuedMessage, verdict: Verdict): Promise<void> {
    const { store, clock, attemptLog, bounce, onQueued } = this.#options;
    const notice = await bounce(message, verdict);
    const { recipients } = verdict;
    const given = { recipients, finishedAtMs: clock.now(), ...(notice ? { bounce: notice } : {}) };
    const queued = await store.giveUp(message.id, given);
    attemptLog.givenUp(message, verdict);
    if (queued) onQueued(queued, message);
  }
}

/**
 * When a message is given up. One whose time was over before the trouble began has hardly been tried: the bridge was
 * away, or the clock was set. It gets its time once more.
 */
function endOf({ receivedAtMs, expiresAtMs }: QueuedMessage, troubleSinceMs: number): number {
  return expiresAtMs >= troubleSinceMs ? expiresAtMs : troubleSinceMs + (expiresAtMs - receivedAtMs);
}
