import type { Clock } from '../../base/clock.ts';
import type { Log } from '../../base/log.ts';
import type { RecordTable } from '../../base/record-table.ts';
import { AlertBook } from './alert-book.ts';
import type { AlertFacts, AlertNews } from './condition.ts';
import { type AlertSources, type AlertThresholds, conditionsOf } from './conditions.ts';

/** What alerts need from their bridge. */
export interface AlertOptions {
  readonly records: RecordTable;
  readonly instance: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Thresholds of the configuration in force. */
  thresholds(): AlertThresholds;
  sources(): Promise<Omit<AlertSources, 'guessed'>>;
  /** Reports outside the log. May reject. */
  tell(news: AlertNews): Promise<void>;
}

const firstLookMs = 10_000;
const lookEveryMs = 60_000;
/** How long after the last block guessing is reported. */
const guessHeldMs = 3_600_000;
const mostGuessed = 1000;

/** Checks once a minute whether something is wrong, and reports each trouble once, and once when it is over. */
export class Alerts {
  readonly #options: AlertOptions;
  readonly #book: AlertBook;
  readonly #guessed = new Map<string, number>();
  #cancel = () => {};
  #looking: Promise<void> = Promise.resolve();
  #isStopped = false;

  constructor(options: AlertOptions) {
    this.#options = options;
    this.#book = new AlertBook(options.records, options.instance);
  }

  /** Alerts that hold, of all instances. */
  current(): readonly AlertFacts[] {
    return this.#book.current;
  }

  /** So many guesses were made at an account that it is blocked. */
  guessed(account: string): void {
    if (this.#guessed.size >= mostGuessed && !this.#guessed.has(account)) return;
    this.#guessed.set(account, this.#options.clock.now() + guessHeldMs);
  }

  start(): void {
    this.#lookIn(firstLookMs);
  }

  /** Checks now. Never rejects. */
  async look(): Promise<void> {
    const { clock, log, thresholds, sources } = this.#options;
    try {
      const nowMs = clock.now();
      for (const [account, untilMs] of this.#guessed) if (untilMs <= nowMs) this.#guessed.delete(account);
      const found = conditionsOf({ ...(await sources()), guessed: this.#guessed }, thresholds(), nowMs);
      for (const news of await this.#book.update(found, nowMs)) await this.#tell(news);
    } catch (error) {
      // The store is unreachable: that is reported elsewhere, and alerts from here are reported later.
      log.debug({ error }, 'alerts: check failed');
    }
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#cancel();
    await this.#looking;
  }

  #lookIn(ms: number): void {
    this.#cancel = this.#options.clock.after(ms, () => {
      this.#looking = this.look().then(() => {
        if (!this.#isStopped) this.#lookIn(lookEveryMs);
      });
    });
  }

  async #tell(news: AlertNews): Promise<void> {
    const { log, tell } = this.#options;
    const { id, code, state, severity, text, remedy } = news;
    const facts = { alert: id, code };
    if (state === 'cleared') log.info(facts, `alert cleared: ${text}`);
    else log[severity === 'error' ? 'error' : 'warn'](facts, `alert: ${text} ${remedy}`);
    await tell(news).catch((error: unknown) => log.error({ error, alert: id }, 'alerts: cannot send an alert'));
  }
}
