import { randomUUID } from 'node:crypto';
import type { Clock } from '../base/clock.ts';
import { errorText } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { OneAtATime } from '../base/one-at-a-time.ts';
import { type RecordTable, recordKinds } from '../base/record-table.ts';
import { type FailureNews, failureSubjects, type LoginThrottle } from './login-throttle.ts';

export interface SharedFailuresOptions {
  readonly records: RecordTable;
  readonly clock: Clock;
  readonly log: Log;
  /** How long a failure counts, in milliseconds. */
  readonly blockMs: number;
}

const roundMs = 1_500;
/** Maximum number written in one round, blocks first. */
const mostWritten = 10;
/**
 * Maximum number of accounts at an address that an instance reports at a time: every instance reads them in every
 * round.
 */
const mostPairs = 500;
const mostWaiting = 200;

/**
 * Exchanges information about guessing with other instances: a guess costs no write, a block costs one. An instance
 * that cannot reach the store carries on without it, and drops what it could not report.
 */
export class SharedFailures {
  readonly #options: SharedFailuresOptions;
  /** Identifies this instance to the others. */
  readonly #self = randomUUID();
  readonly #waiting = new Map<string, FailureNews>();
  readonly #turns = new OneAtATime();
  /** When the pair records written by this instance expire. */
  #pairsUntilMs: number[] = [];
  /** Writes left in this round. */
  #writesLeft = mostWritten;
  #isUnreachable = false;
  #isStopped = false;
  #cancel = () => {};

  constructor(options: SharedFailuresOptions) {
    this.#options = options;
  }

  /** Queues news for the other instances; it is written soon. */
  tell(news: FailureNews): void {
    const key = JSON.stringify([news.blockedUntilMs > 0 ? 'blocked' : 'half', news.of, news.key, this.#self]);
    if (this.#waiting.size < mostWaiting || this.#waiting.has(key)) this.#waiting.set(key, news);
    if (!this.#isUnreachable) void this.#inTurn(() => this.#write());
  }

  /** Learns from now on. */
  start(throttle: Pick<LoginThrottle, 'learn'>): void {
    const round = async () => {
      await this.#inTurn(async () => {
        this.#writesLeft = mostWritten;
        await this.#write();
        if (this.#isStopped) return;
        await this.#read(throttle);
        if (this.#isUnreachable) this.#options.log.info({}, 'blocked addresses are shared again');
        this.#isUnreachable = false;
      });
      if (!this.#isStopped) this.#cancel = this.#options.clock.after(roundMs, () => void round());
    };
    void round();
  }

  /** Stops using the store. Resolves when work in progress has ended. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#cancel();
    await this.#turns.run(async () => {});
  }

  /** Never rejects. */
  #inTurn(work: () => Promise<void>): Promise<void> {
    const { log } = this.#options;
    return this.#turns.run(async () => {
      if (this.#isStopped) return;
      try {
        await work();
      } catch (error) {
        this.#waiting.clear();
        if (!this.#isUnreachable) {
          log.warn({ error }, `blocked addresses are not shared for now: ${errorText(error)}`);
        }
        this.#isUnreachable = true;
      }
    });
  }

  async #read(throttle: Pick<LoginThrottle, 'learn'>): Promise<void> {
    const { records, clock } = this.#options;
    for (const { value } of (await records.list(recordKinds.loginFailures, clock.now())).values()) {
      const told = readNews(value);
      if (told && told.by !== this.#self) throttle.learn(told, told.by);
    }
  }

  async #write(): Promise<void> {
    const { records, clock, blockMs } = this.#options;
    this.#pairsUntilMs = this.#pairsUntilMs.filter((untilMs) => untilMs > clock.now());
    const blocksFirst = [...this.#waiting].toSorted(([, a], [, b]) => b.blockedUntilMs - a.blockedUntilMs);
    for (const [key, news] of blocksFirst.slice(0, this.#writesLeft)) {
      this.#waiting.delete(key);
      const isPair = news.of === 'pair';
      if (isPair && this.#pairsUntilMs.length >= mostPairs) continue;
      const expiresAtMs = Math.max(news.blockedUntilMs, news.lastFailureMs + blockMs);
      if (isPair) this.#pairsUntilMs.push(expiresAtMs);
      this.#writesLeft--;
      const told = JSON.stringify({ ...news, by: this.#self });
      await records.put(recordKinds.loginFailures, key, told, { expiresAtMs, soft: true });
    }
  }
}

interface ToldNews extends FailureNews {
  /** The instance that reports it. */
  readonly by: string;
}

/** Undefined for a form that a later version may have written. */
function readNews(text: string): ToldNews | undefined {
  try {
    const news = JSON.parse(text) as Partial<ToldNews>;
    const numbers = [news.count, news.lastFailureMs, news.blockedUntilMs];
    const texts = [news.key, news.by];
    const isNews = failureSubjects.some((of) => of === news.of) && texts.every((each) => typeof each === 'string');
    return isNews && numbers.every(Number.isFinite) ? (news as ToldNews) : undefined;
  } catch {
    return undefined;
  }
}
