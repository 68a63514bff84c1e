import { createHmac } from 'node:crypto';
import type { Clock } from '../../base/clock.ts';
import { BridgeError, errorText } from '../../base/errors.ts';
import type { HttpClient } from '../../base/http/client.ts';
import type { Log } from '../../base/log.ts';
import type { AlertNews } from './condition.ts';
import type { WaitingPost, WaitingPosts } from './waiting-posts.ts';

/** Where alerts are posted. */
export interface WebhookOptions {
  readonly url: string;
  /** Called for each request, so that a replaced secret is used. */
  secret(): string;
  readonly http: HttpClient;
  /** Posts that the webhook has not taken yet, including those from before a restart. */
  readonly kept: WaitingPosts;
  readonly clock: Clock;
  readonly log: Log;
}

/** Waits between tries of one post. */
const retryAfterMs = [5_000, 30_000, 2 * 60_000, 10 * 60_000, 30 * 60_000];
/** Most posts waiting; beyond that the newest is dropped, which is logged. */
const mostWaiting = 100;
const timeoutMs = 10_000;

/**
 * The signature of a body: `sha256=` and, in hex, the HMAC-SHA256 over the time, a dot and the body. The receiver
 * computes the same, compares in constant time, and refuses a time that is minutes away.
 * @param timestamp seconds since 1970, as in the header
 */
export function webhookSignature(secret: string, timestamp: number, body: string): string {
  return `sha256=${createHmac('sha256', secret).update(`${timestamp}.${body}`).digest('hex')}`;
}

/** Posts alerts, one at a time, and retries failures. */
export class Webhook {
  readonly #options: WebhookOptions;
  readonly #waiting: WaitingPost[] = [];
  #isBusy = false;
  #working = Promise.resolve();
  #isClosed = false;
  #endWait = () => {};

  constructor(options: WebhookOptions) {
    this.#options = options;
  }

  /** Posts what was left waiting. @throws what the store throws */
  async resume(): Promise<void> {
    const { kept, clock } = this.#options;
    const left = await kept.all(clock.now());
    const known = new Set(this.#waiting.map(({ key }) => key));
    this.#add(...left.filter(({ key }) => !known.has(key)).slice(0, mostWaiting - known.size));
  }

  /** Records what is to be posted; it is posted some time later. @throws what the store throws */
  async tell(news: AlertNews): Promise<void> {
    const { kept, clock, log } = this.#options;
    if (this.#waiting.length >= mostWaiting) {
      log.error({ alert: news.id }, `alerts: ${mostWaiting} wait for the webhook; this one is not posted`);
      return;
    }
    this.#add(await kept.add(news, clock.now()));
  }

  /** The next run posts what waits. Resolves when the last try has ended. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#endWait();
    await this.#working;
  }

  #add(...posts: readonly WaitingPost[]): void {
    this.#waiting.push(...posts);
    if (!this.#isBusy) this.#working = this.#work();
  }

  async #work(): Promise<void> {
    const { kept, log } = this.#options;
    this.#isBusy = true;
    for (let next = this.#waiting[0]; next && !this.#isClosed; next = this.#waiting[0]) {
      if (await this.#post(next.news)) {
        // Otherwise it is posted twice after a restart.
        await kept.remove(next).catch((error: unknown) => log.warn({ error }, 'alerts: cannot save what was posted'));
      }
      this.#waiting.shift();
    }
    this.#isBusy = false;
  }

  /** Never rejects. @returns whether it is finished: taken, or given up */
  async #post(news: AlertNews): Promise<boolean> {
    const { log, clock } = this.#options;
    for (const waitMs of [...retryAfterMs, undefined]) {
      const failure = await this.#try(JSON.stringify(news));
      if (failure === undefined) return true;
      if (this.#isClosed) return false;
      if (waitMs === undefined) {
        log.error({ alert: news.id }, `alerts: the webhook did not accept an alert: ${failure}`);
        return true;
      }
      log.warn(
        { alert: news.id, waitMs },
        `alerts: the webhook did not accept an alert, it is tried again: ${failure}`,
      );
      await new Promise<void>((resolve) => {
        const cancel = clock.after(waitMs, resolve);
        this.#endWait = () => {
          cancel();
          resolve();
        };
      });
      if (this.#isClosed) return false;
    }
    return true;
  }

  /** @returns why it failed */
  async #try(body: string): Promise<string | undefined> {
    const { url, http, clock, secret } = this.#options;
    const timestamp = Math.floor(clock.now() / 1000);
    try {
      const answer = await http.request({
        method: 'POST',
        url,
        headers: {
          'Content-Type': 'application/json',
          'X-Mailbridge-Timestamp': String(timestamp),
          'X-Mailbridge-Signature': webhookSignature(secret(), timestamp, body),
        },
        body,
        signal: AbortSignal.timeout(timeoutMs),
      });
      await answer.discard();
      return answer.status >= 200 && answer.status < 300 ? undefined : `it answered ${answer.status}`;
    } catch (error) {
      return error instanceof BridgeError ? error.message : errorText(error);
    }
  }
}
