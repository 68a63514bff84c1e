import type { Clock } from '../../base/clock.ts';
import { BridgeError } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import type { QueuedMessage } from '../message.ts';
import type { QueueStore } from '../store.ts';
import type { FollowUp, FollowUpChange } from './follow-up.ts';

/** Everything due for one mailbox. */
export interface FollowUpRound {
  readonly connection: string;
  readonly mailbox: string;
  readonly due: readonly Pick<FollowUp, 'id' | 'note'>[];
  /** Whether a message is still finished: an administrator may release one that was given up. */
  isFinished(id: string): Promise<boolean>;
  /** Reports how often it was done for a message; 0: not yet, or no longer possible. */
  done(id: string, times: number): void;
}

/** What follows delivered messages. */
export interface FollowUpPlan {
  /** The wait before the first try; two rounds for a mailbox are at least four times this apart. */
  readonly firstWaitMs: number;
  /** What was tried and not done within this time will never be possible. */
  readonly lookForMs: number;
  /** @returns what the code that does it has to know about the message; undefined if there is no follow-up */
  noteFor(message: QueuedMessage): Promise<string | undefined>;
  /**
   * Does what is due for one mailbox. Anything it has not reported when it ends counts as failed and is tried again.
   */
  run(round: FollowUpRound, signal: AbortSignal): Promise<void>;
  /** Called with the number of a mailbox's messages for which it was not done and will not be tried again. */
  givenUp(of: Pick<FollowUp, 'connection' | 'mailbox'>, count: number, why: 'failed' | 'nothing-there'): void;
}

export interface FollowUpsOptions extends FollowUpPlan {
  readonly store: QueueStore;
  readonly clock: Clock;
  readonly log: Log;
  /** Whether nothing more will become of a message, and nobody still has to find out what has. */
  isFinished(id: string): Promise<boolean>;
  /** Whether this instance does the follow-ups of a destination; default: of all. */
  isOurs?(destination: string): boolean;
}

const longestLookMs = 1000;
const hourMs = 3_600_000;
const giveUpAfterMs = 24 * hourMs;
const giveUpTries = 8;
const clockEveryMs = 10 * 60_000;
/** Mailboxes worked on at once. */
const mostRounds = 4;
/** Follow-ups in one round: more come in the next, without a wait. */
const mostInARound = 1000;

/**
 * Does the follow-ups of messages, mailbox by mailbox, everything due for one mailbox at once. A follow-up is stored
 * together with the outcome, so it outlives both the message and the process; doing it twice does no harm.
 */
export class FollowUps {
  readonly #options: FollowUpsOptions;
  readonly #abort = new AbortController();
  readonly #rounds = new Map<string, Promise<void>>();
  readonly #restUntil = new Map<string, number>();
  #cancelTimer: (() => void) | undefined;
  #clockLookAtMs = 0;
  #looking: Promise<void> = Promise.resolve();

  constructor(options: FollowUpsOptions) {
    this.#options = options;
  }

  start(): void {
    const { clock, firstWaitMs } = this.#options;
    this.#looking = this.#look()
      .catch((error: unknown) => this.#failed(error, 'queue: cannot look for follow-ups'))
      .then(() => {
        if (this.#abort.signal.aborted) return;
        this.#cancelTimer = clock.after(Math.min(longestLookMs, firstWaitMs), () => this.start());
      });
  }

  /** Abandons what is under way. */
  async stop(): Promise<void> {
    this.#cancelTimer?.();
    this.#abort.abort();
    await this.#looking;
    await Promise.all(this.#rounds.values());
  }

  async #look(): Promise<void> {
    const { store, clock, isOurs } = this.#options;
    const now = clock.now();
    const due = await store.followUpDestinations(now);
    for (const destination of due) {
      if (this.#abort.signal.aborted) return;
      const isBusy = this.#rounds.has(destination) || this.#rounds.size >= mostRounds;
      if (isBusy || !this.#hasRested(destination, now)) continue;
      if (isOurs?.(destination) !== false) this.#begin(destination);
    }
    this.#lookAtClock(now);
  }

  #hasRested(destination: string, now: number): boolean {
    const until = this.#restUntil.get(destination) ?? 0;
    // A rest this long began before the clock was set back.
    return until <= now || until > now + 4 * this.#options.firstWaitMs;
  }

  /** A due time beyond any possible one was noted before the clock was set back. */
  #lookAtClock(now: number): void {
    if (Math.abs(now - this.#clockLookAtMs) < clockEveryMs) return;
    this.#clockLookAtMs = now;
    this.#inBackground(this.#options.store.hastenFollowUps(now, now + 2 * hourMs));
  }

  #begin(destination: string): void {
    const round = this.#round(destination)
      .catch((error: unknown) => this.#failed(error, 'queue: cannot do what is to follow messages'))
      .then(() => void this.#rounds.delete(destination));
    this.#rounds.set(destination, round);
  }

  async #round(destination: string): Promise<void> {
    const { store, clock, firstWaitMs } = this.#options;
    const due = await store.followUps(destination, clock.now(), mostInARound);
    const finished = await this.#finished(due);
    const ready = due.filter(({ id }) => finished.has(id));
    const done = await this.#run(ready);
    if (this.#abort.signal.aborted && done.size < ready.length)
      return this.#settle(
        ready.filter(({ id }) => done.has(id)),
        done,
      );
    await this.#settle(due, done);
    if (due.length < mostInARound) this.#restUntil.set(destination, clock.now() + 4 * firstWaitMs);
  }

  /** The follow-ups whose messages are finished. */
  async #finished(due: readonly FollowUp[]): Promise<ReadonlySet<string>> {
    const finished = new Set<string>();
    for (const { id } of due) if (await this.#options.isFinished(id)) finished.add(id);
    return finished;
  }

  /** @returns how often each was done, of those that could be tried */
  async #run(ready: readonly FollowUp[]): Promise<ReadonlyMap<string, number>> {
    const done = new Map<string, number>();
    const [first] = ready;
    if (!first) return done;
    const { connection, mailbox } = first;
    const { isFinished, log } = this.#options;
    const round: FollowUpRound = {
      ...{ connection, mailbox, due: ready },
      isFinished: (id) => isFinished(id),
      done: (id, times) => void done.set(id, times),
    };
    try {
      await this.#options.run(round, this.#abort.signal);
    } catch (error) {
      if (!this.#abort.signal.aborted) log.error({ error, connection, mailbox }, 'queue: follow-ups failed');
    }
    return done;
  }

  async #settle(due: readonly FollowUp[], done: ReadonlyMap<string, number>): Promise<void> {
    const { store, clock, givenUp } = this.#options;
    const finished = await this.#finished(due);
    const changes = due.map((each) => this.#changeOf(each, done.get(each.id), finished.has(each.id), clock.now()));
    if (changes.length > 0) await store.changeFollowUps(changes);
    const over = due.filter((_, at) => 'over' in (changes[at] as FollowUpChange));
    const tell = (lost: readonly FollowUp[], why: 'failed' | 'nothing-there') => {
      if (lost[0]) givenUp(lost[0], lost.length, why);
    };
    tell(
      over.filter(({ id }) => !done.has(id)),
      'failed',
    );
    tell(
      over.filter(({ id, times }) => times !== undefined && times > 0 && done.get(id) === 0),
      'nothing-there',
    );
  }

  /** @param done undefined if it could not be tried */
  #changeOf(
    { id, times, sinceMs, tries }: FollowUp,
    done: number | undefined,
    isFinished: boolean,
    now: number,
  ): FollowUpChange {
    const { firstWaitMs, lookForMs } = this.#options;
    const later = { id, done: done ?? 0, tries: tries + 1, dueAtMs: now + waitMs(firstWaitMs, tries + 1) };
    // The message may wait for weeks. Once it is delivered, this falls due again.
    if (!isFinished) return { ...later, done: 0, tries: 0, dueAtMs: now + waitMs(firstWaitMs, 5) };
    const isOver =
      done === undefined
        ? tries >= giveUpTries && now - sinceMs >= giveUpAfterMs
        : (times !== undefined && done >= times) || now - sinceMs >= lookForMs;
    return isOver ? { id, over: true } : later;
  }

  #inBackground(work: Promise<void>): void {
    work.catch((error: unknown) => this.#failed(error, 'queue: cannot save follow-ups'));
  }

  /** An unreachable store is logged once, by the code that watches it. */
  #failed(error: unknown, text: string): void {
    if (error instanceof BridgeError && error.code === 'queue-unreachable') return;
    this.#options.log.error({ error }, text);
  }
}

/** Doubled with each try, at most an hour. */
function waitMs(firstWaitMs: number, tries: number): number {
  return Math.min(firstWaitMs * 2 ** Math.min(tries, 20), hourMs);
}
