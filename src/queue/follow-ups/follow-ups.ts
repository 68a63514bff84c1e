import type { Clock } from '../../base/clock.ts';
import { BridgeError } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import type { QueuedMessage } from '../message.ts';
import type { QueueStore } from '../store.ts';
import type { FollowUp, FollowUpChange } from './follow-up.ts';

/** All that is due of one mailbox. */
export interface FollowUpRound {
  readonly connection: string;
  readonly mailbox: string;
  readonly due: readonly Pick<FollowUp, 'id' | 'note'>[];
  /** Whether a message is finished still: an administrator may release one that was given up. */
  isFinished(id: string): Promise<boolean>;
  /** Tells how often it could be done for a message; 0: not yet, or not any more. */
  done(id: string, times: number): void;
}

/** What is to follow messages. */
export interface FollowUpPlan {
  /** After so long the first try is made, and a mailbox is left alone between two rounds for four times that. */
  readonly firstWaitMs: number;
  /** What could not be done within that time, although it was tried, will not be possible any more. */
  readonly lookForMs: number;
  /** @returns what whoever does it has to know of the message; undefined where nothing is to follow */
  noteFor(message: QueuedMessage): Promise<string | undefined>;
  /** Does what is due of one mailbox. What it does not tell of counts as failed when it ends, and is tried again. */
  run(round: FollowUpRound, signal: AbortSignal): Promise<void>;
  /** Told for how many messages of a mailbox it could not be done, and will not be tried any more. */
  givenUp(of: Pick<FollowUp, 'connection' | 'mailbox'>, count: number, why: 'failed' | 'nothing-there'): void;
}

export interface FollowUpsOptions extends FollowUpPlan {
  readonly store: QueueStore;
  readonly clock: Clock;
  readonly log: Log;
  /** Whether nothing more will become of a message, and nobody will have to find out what has. */
  isFinished(id: string): Promise<boolean>;
  /** Whether this instance does what is to follow a destination's messages; default: of all. */
  isOurs?(destination: string): boolean;
}

const longestLookMs = 1000;
const hourMs = 3_600_000;
const giveUpAfterMs = 24 * hourMs;
const giveUpTries = 8;
const clockEveryMs = 10 * 60_000;
/** Mailboxes at a time. */
const mostRounds = 4;
/** In one round: more come in the next, without a wait. */
const mostInARound = 1000;

/**
 * Does what is to follow messages, mailbox by mailbox, all that is due of one at once. What is asked for stands in the
 * store since the outcome does, so it outlives both the message and the process; what is done twice does no harm.
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
      .catch((error: unknown) => this.#failed(error, 'queue: cannot look for what is to follow messages'))
      .then(() => {
        if (this.#abort.signal.aborted) return;
        this.#cancelTimer = clock.after(Math.min(longestLookMs, firstWaitMs), () => this.start());
      });
  }

  /** What is under way is left where it is. */
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
    // A rest longer than any began before the clock was set back.
    return until <= now || until > now + 4 * this.#options.firstWaitMs;
  }

  /** What falls due later than anything may was noted before the clock was set back. */
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

  /** Those whose messages are finished. */
  async #finished(due: readonly FollowUp[]): Promise<ReadonlySet<string>> {
    const finished = new Set<string>();
    for (const { id } of due) if (await this.#options.isFinished(id)) finished.add(id);
    return finished;
  }

  /** @returns how often it was done, of those that it could be tried for */
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
      if (!this.#abort.signal.aborted)
        log.error({ error, connection, mailbox }, 'queue: what is to follow messages fails');
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

  /** @param done undefined where it could not be tried */
  #changeOf(
    { id, times, sinceMs, tries }: FollowUp,
    done: number | undefined,
    isFinished: boolean,
    now: number,
  ): FollowUpChange {
    const { firstWaitMs, lookForMs } = this.#options;
    const later = { id, done: done ?? 0, tries: tries + 1, dueAtMs: now + waitMs(firstWaitMs, tries + 1) };
    // The message may wait for weeks. Once it is delivered this falls due anew.
    if (!isFinished) return { ...later, done: 0, tries: 0, dueAtMs: now + waitMs(firstWaitMs, 5) };
    const isOver =
      done === undefined
        ? tries >= giveUpTries && now - sinceMs >= giveUpAfterMs
        : (times !== undefined && done >= times) || now - sinceMs >= lookForMs;
    return isOver ? { id, over: true } : later;
  }

  #inBackground(work: Promise<void>): void {
    work.catch((error: unknown) => this.#failed(error, 'queue: cannot note what is to follow messages'));
  }

  /** That the store cannot be reached is told once, by whoever watches it. */
  #failed(error: unknown, text: string): void {
    if (error instanceof BridgeError && error.code === 'queue-unreachable') return;
    this.#options.log.error({ error }, text);
  }
}

/** Doubled with each try, an hour at most. */
function waitMs(firstWaitMs: number, tries: number): number {
  return Math.min(firstWaitMs * 2 ** Math.min(tries, 20), hourMs);
}
