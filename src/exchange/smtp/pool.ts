import { type Clock, systemClock } from '../../base/clock.ts';
import type { KeyedSemaphore } from '../../base/semaphore.ts';
import { SmtpUpstreamError } from './error.ts';
import type { UpstreamSmtpSession } from './session.ts';

/** Limits on pooled connections. */
export interface SmtpPoolOptions {
  /** Shared by all pools that open connections of the same mailboxes. */
  readonly permits: KeyedSemaphore;
  /** Messages after which a connection is closed; default 100. */
  readonly maxMessagesPerConnection?: number;
  /** Time after which an unused connection is closed; default 30,000. */
  readonly idleTimeoutMs?: number;
  readonly clock?: Clock;
  /** Opens one authenticated session. */
  open(mailbox: string, signal: AbortSignal): Promise<UpstreamSmtpSession>;
}

interface IdleSession {
  readonly session: UpstreamSmtpSession;
  readonly cancelTimeout: () => void;
}

/**
 * Authenticated upstream sessions by mailbox, reused from message to message. A new one is opened only if none is idle,
 * so idle and busy ones together never exceed the permits.
 */
export class SmtpPool {
  readonly #options: SmtpPoolOptions;
  readonly #clock: Clock;
  readonly #idle = new Map<string, IdleSession[]>();
  #isClosed = false;

  constructor(options: SmtpPoolOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
  }

  /**
   * Lends a session to `work`, waiting while all sessions of the mailbox are in use.
   * @param fresh do not reuse a session: the upstream has just dropped one
   * @throws whatever `open` or `work` throws, or SmtpUpstreamError if `signal` ends the wait
   */
  async use<Result>(
    mailbox: string,
    signal: AbortSignal,
    fresh: boolean,
    work: (session: UpstreamSmtpSession) => Promise<Result>,
  ): Promise<Result> {
    const key = mailbox.toLowerCase();
    const release = await this.#permit(key, signal);
    let session: UpstreamSmtpSession | undefined;
    try {
      if (signal.aborted) throw abandoned();
      if (fresh) for (const idle of this.#takeAll(key)) discard(idle);
      session = this.#takeIdle(key) ?? (await this.#options.open(mailbox, signal));
      return await work(session);
    } finally {
      if (session !== undefined) await this.#giveBack(key, session);
      release();
    }
  }

  /** Closes all idle connections, and from now on each one in use as soon as it is given back. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const idle = [...this.#idle.keys()].flatMap((key) => this.#takeAll(key));
    await Promise.all(
      idle.map(({ session, cancelTimeout }) => {
        cancelTimeout();
        return session.quit();
      }),
    );
  }

  async #permit(key: string, signal: AbortSignal): Promise<() => void> {
    try {
      return await this.#options.permits.acquire(key, signal);
    } catch {
      throw abandoned();
    }
  }

  async #giveBack(key: string, session: UpstreamSmtpSession): Promise<void> {
    if (!session.usable) return;
    const isSpent = session.transactions >= (this.#options.maxMessagesPerConnection ?? 100);
    if (isSpent || this.#isClosed) return session.quit();
    const cancelTimeout = this.#clock.after(this.#options.idleTimeoutMs ?? 30_000, () => {
      const others = this.#takeAll(key).filter((idle) => idle.session !== session);
      if (others.length > 0) this.#idle.set(key, others);
      session.quit().catch(() => session.close());
    });
    this.#idle.set(key, [...this.#takeAll(key), { session, cancelTimeout }]);
  }

  /** Takes the one used last. */
  #takeIdle(key: string): UpstreamSmtpSession | undefined {
    const idle = this.#takeAll(key);
    for (let last = idle.pop(); last !== undefined; last = idle.pop()) {
      last.cancelTimeout();
      if (!last.session.usable) continue;
      if (idle.length > 0) this.#idle.set(key, idle);
      return last.session;
    }
    return undefined;
  }

  #takeAll(key: string): IdleSession[] {
    const idle = this.#idle.get(key) ?? [];
    this.#idle.delete(key);
    return idle;
  }
}

function discard({ session, cancelTimeout }: IdleSession): void {
  cancelTimeout();
  session.close();
}

/** The caller's signal was aborted before there was a session. */
function abandoned(): SmtpUpstreamError {
  return new SmtpUpstreamError('The attempt was given up while waiting for a connection.', {
    stage: 'connect',
    aborted: true,
  });
}
