import type { Clock } from '../../base/clock.ts';
import type { Log } from '../../base/log.ts';
import { destinationOf, type Notice, type QueuedMessage } from '../message.ts';
import type { QueueStore } from '../store.ts';

export interface DelayWarningOptions {
  readonly store: QueueStore;
  readonly clock: Clock;
  readonly log: Log;
  /** How long a message waits before its sender is warned. */
  readonly afterMs: number;
  /** Whether this instance warns the senders of a destination's waiting messages; default: of all. */
  isOurs?(destination: string): boolean;
  /** Composes the warning; undefined if there is nobody to send it to. */
  warningFor(message: QueuedMessage): Promise<Notice | undefined>;
  /** Called for each warning that has entered the queue. */
  onQueued(warning: QueuedMessage): void;
}

const lookEveryMs = 5 * 60_000;
/** Composed before the next are read: each holds the header of its message. */
const atATime = 20;

/**
 * Warns the senders of messages that have waited long, once for each message, whether an attempt was made meanwhile or
 * the whole mailbox is paused.
 */
export class DelayWarnings {
  readonly #options: DelayWarningOptions;
  #cancelTimer: (() => void) | undefined;
  #round: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(options: DelayWarningOptions) {
    this.#options = options;
  }

  start(): void {
    this.#cancelTimer = this.#options.clock.after(lookEveryMs, () => {
      this.#round = this.#tellAll()
        .catch((error: unknown) => this.#options.log.error({ error }, 'queue: cannot send delay warnings'))
        .then(() => {
          if (!this.#stopped) this.start();
        });
    });
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancelTimer?.();
    await this.#round;
  }

  async #tellAll(): Promise<void> {
    const { store, clock, afterMs, isOurs } = this.#options;
    const beforeMs = clock.now() - afterMs;
    for (let afterId = ''; !this.#stopped; ) {
      const delayed = await store.delayed(beforeMs, afterId, atATime);
      for (const message of delayed) if (isOurs?.(destinationOf(message)) !== false) await this.#tell(message);
      const last = delayed.at(-1);
      // A message that turns out to be damaged is left out of its page.
      if (!last) return;
      afterId = last.id;
    }
  }

  async #tell(message: QueuedMessage): Promise<void> {
    const { store, log, onQueued } = this.#options;
    const warning = await this.#compose(message);
    const queued = await store.noteDelayTold(message.id, warning);
    if (!queued) return;
    log.info({ id: queued.id, for: message.id, to: queued.envelope.recipients[0]?.address }, 'delay warning queued');
    onQueued(queued);
  }

  /**
   * If the warning cannot be composed, the message counts as warned about: it would fail again and again and hold up
   * the others.
   */
  async #compose(message: QueuedMessage) {
    try {
      return await this.#options.warningFor(message);
    } catch (error) {
      this.#options.log.error({ error, id: message.id }, 'cannot queue a delay warning');
      return undefined;
    }
  }
}
