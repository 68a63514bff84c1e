import { type Clock, systemClock } from '../base/clock.ts';
import { SmtpUpstreamError } from './smtp-error.ts';
import type { SmtpSession } from './smtp-session.ts';

/** How many connections are kept, and for how long. */
export interface SmtpPoolOptions {
  /** 1 or more; Exchange Online allows 3 (Microsoft: "Exchange Online limits", concurrent connections). */
  readonly maxConnectionsPerMailbox: number;
  /** A connection is left after so many messages; default 100. */
  readonly maxMessagesPerConnection?: number;
  /** An unused connection is left after this time; default 30,000. */
  readonly idleTimeoutMs?: number;
  readonly clock?: Clock;
  /** Opens one authenticated session. */
  open(mailbox: string, signal: AbortSignal): Promise<SmtpSession>;
}

interface IdleSession {
  readonly session: SmtpSession;
  readonly cancelTimeout: () => void;
}

/** The connections of one mailbox. A new one is opened only while none is idle, so idle and busy never exceed the limit. */
class Lane {
  readonly idle: IdleSession[] = [];
  readonly waiting: (() => void)[] = [];
  busy = 0;
}

/** Authenticated upstream sessions by mailbox, reused from message to message. */
export class SmtpPool {
  readonly #options: SmtpPoolOptions;
  readonly #clock: Clock;
  readonly #lanes = new Map<string, Lane>();

  constructor(options: SmtpPoolOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
  }

  /**
   * Lends a session to `work`, waiting while all of the mailbox are in use.
   * @param fresh refuse a session that was used before: the upstream has just dropped one
   * @throws whatever `open` or `work` throws, or SmtpUpstreamError when `signal` ends the wait
   */
  async use<Result>(
    mailbox: string,
    signal: AbortSignal,
    fresh: boolean,
    work: (session: SmtpSession) => Promise<Result>,
  ): Promise<Result> {
    const key = mailbox.toLowerCase();
    const lane = this.#lanes.get(key) ?? new Lane();
    this.#lanes.set(key, lane);
    if (lane.busy < this.#options.maxConnectionsPerMailbox) lane.busy += 1;
    else await waitForTurn(lane, signal);
    let session: SmtpSession | undefined;
    try {
      if (signal.aborted) throw givenUp();
      if (fresh) for (const idle of lane.idle.splice(0)) discard(idle);
      session = takeIdle(lane) ?? (await this.#options.open(mailbox, signal));
      return await work(session);
    } finally {
      if (session !== undefined) await this.#giveBack(lane, session);
      // A place is handed on without being given up, so that nobody slips in between.
      const next = lane.waiting.shift();
      if (next !== undefined) next();
      else lane.busy -= 1;
      this.#forgetIfEmpty(key, lane);
    }
  }

  /** Leaves all idle connections. */
  async close(): Promise<void> {
    const idle = [...this.#lanes.values()].flatMap((lane) => lane.idle.splice(0));
    this.#lanes.clear();
    await Promise.all(
      idle.map(({ session, cancelTimeout }) => {
        cancelTimeout();
        return session.quit();
      }),
    );
  }

  async #giveBack(lane: Lane, session: SmtpSession): Promise<void> {
    if (!session.usable) return;
    if (session.transactions >= (this.#options.maxMessagesPerConnection ?? 100)) return session.quit();
    const cancelTimeout = this.#clock.after(this.#options.idleTimeoutMs ?? 30_000, () => {
      const index = lane.idle.findIndex((idle) => idle.session === session);
      if (index < 0) return;
      lane.idle.splice(index, 1);
      void session.quit();
      this.#forgetIfEmpty(session.mailbox.toLowerCase(), lane);
    });
    lane.idle.push({ session, cancelTimeout });
  }

  #forgetIfEmpty(key: string, lane: Lane): void {
    if (lane.busy === 0 && lane.idle.length === 0 && lane.waiting.length === 0) this.#lanes.delete(key);
  }
}

function takeIdle(lane: Lane): SmtpSession | undefined {
  for (let idle = lane.idle.pop(); idle !== undefined; idle = lane.idle.pop()) {
    idle.cancelTimeout();
    if (idle.session.usable) return idle.session;
  }
  return undefined;
}

function discard({ session, cancelTimeout }: IdleSession): void {
  cancelTimeout();
  session.close();
}

function waitForTurn(lane: Lane, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onTurn = () => {
      signal.removeEventListener('abort', onAbort);
      resolve();
    };
    const onAbort = () => {
      lane.waiting.splice(lane.waiting.indexOf(onTurn), 1);
      reject(givenUp());
    };
    if (signal.aborted) return reject(givenUp());
    signal.addEventListener('abort', onAbort, { once: true });
    lane.waiting.push(onTurn);
  });
}

function givenUp(): SmtpUpstreamError {
  return new SmtpUpstreamError('The attempt was given up while waiting for a connection.', {
    stage: 'connect',
    aborted: true,
  });
}
