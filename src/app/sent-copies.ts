import type { Readable } from 'node:stream';
import type { Clock } from '../base/clock.ts';
import { BridgeError, errorText } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { Config } from '../config/schema.ts';
import type { DeliveryReport, OutgoingMessage } from '../message/delivery.ts';
import { messageIdOf } from '../message/header/message-id.ts';
import { headerStart } from '../message/message-start.ts';
import type { FollowUpPlan, FollowUpRound } from '../queue/follow-ups/follow-ups.ts';
import type { Queue } from '../queue/queue.ts';
import type { SendingAccount } from '../submission/account.ts';
import type { BridgeState } from './bridge-state.ts';
import { removesCopies } from './delivery-policy.ts';

const minuteMs = 60_000;
const tellEveryMs = 60 * minuteMs;

/** What the removal of copies needs. */
export interface SentCopiesParts {
  readonly config: Pick<Config, 'queue'>;
  readonly clock: Clock;
  readonly log: Log;
  /** The state in force at the time of the call. */
  state(): BridgeState;
}

/** A delivery while a client waited. */
export interface DirectlyDelivered {
  readonly account: Pick<SendingAccount, 'username' | 'connection'>;
  readonly message: OutgoingMessage;
  readonly report: DeliveryReport;
}

/**
 * Removes the copies that Exchange keeps in Sent Items, for accounts with `"sentItems": "remove"`: the message is
 * identified by its Message-ID, and its copies by their marker.
 */
export class SentCopies {
  readonly #parts: SentCopiesParts;
  readonly #toldMs = new Map<string, number>();

  constructor(parts: SentCopiesParts) {
    this.#parts = parts;
  }

  /** The plan for the queue. @param open opens one of its messages */
  plan(open: (id: string) => Promise<Readable>): FollowUpPlan {
    const settleMs = this.#parts.config.queue.retryBaseSeconds * 1000;
    return {
      firstWaitMs: settleMs / 4,
      lookForMs: Math.max(10 * minuteMs, 30 * settleMs),
      noteFor: ({ account, id }) => this.#noteFor(account, () => open(id)),
      run: (round, signal) => this.#run(round, signal),
      givenUp: (of, count, why) => this.#givenUp(of, count, why),
    };
  }

  /** Handles the copies of a message that was delivered while its client waited. Never rejects. */
  async deliveredDirectly(queue: Pick<Queue, 'follow'>, delivery: DirectlyDelivered): Promise<void> {
    const { account, message, report } = delivery;
    if (!report.recipients.some(({ outcome }) => outcome === 'delivered')) return;
    try {
      const note = await this.#noteFor(account.username, () => message.open());
      if (note === undefined) return;
      await queue.follow(
        { id: message.id, connection: account.connection, mailbox: message.mailbox, note },
        report.copies,
      );
    } catch (error) {
      this.#parts.log.error(
        { error, id: message.id },
        'a copy in Sent Items stays: cannot save that it is to be removed',
      );
    }
  }

  /** What copies are found by; undefined if they are to stay. */
  async #noteFor(account: string, open: () => Readable | Promise<Readable>): Promise<string | undefined> {
    return removesCopies(this.#parts.state().config, account)
      ? messageIdOf(await headerStart(await open()))
      : undefined;
  }

  async #run(round: FollowUpRound, signal: AbortSignal): Promise<void> {
    const { connection, mailbox } = round;
    const { log, state } = this.#parts;
    let removed = 0;
    const onDone = (id: string, copies: number) => {
      removed += copies;
      if (copies > 0) log.debug({ id, mailbox, copies }, 'removed from Sent Items');
      round.done(id, copies);
    };
    const messages = round.due.map(({ id, note }) => ({ id, messageId: note, mayGo: () => round.isFinished(id) }));
    try {
      // A connection that is no longer configured may come back.
      const upstream = state().upstreams.get(connection);
      const isPermitted = (await upstream?.removeCopies({ mailbox, messages, onDone }, signal)) ?? true;
      if (!isPermitted) this.#tell(round, notPermitted(mailbox));
    } catch (error) {
      if (!signal.aborted) this.#tell(round, error);
    }
    if (removed > 0)
      log.info({ connection, mailbox, copies: removed }, `removed from Sent Items of ${mailbox}: ${removed}`);
  }

  #givenUp(
    { connection, mailbox }: Pick<FollowUpRound, 'connection' | 'mailbox'>,
    count: number,
    why: 'failed' | 'nothing-there',
  ): void {
    const facts = { connection, mailbox, messages: count };
    const { log } = this.#parts;
    if (why === 'failed')
      log.warn(facts, `copies of ${count} messages stay in Sent Items of ${mailbox}: removing them failed for a day`);
    else log.info(facts, `no copy of ${count} messages was in Sent Items of ${mailbox}: nothing is left to remove`);
  }

  /** Logs each mailbox's trouble once an hour: it is tried again all the time. */
  #tell({ connection, mailbox }: FollowUpRound, error: unknown): void {
    const { clock, log } = this.#parts;
    const now = clock.now();
    const key = `${connection} ${mailbox.toLowerCase()}`;
    const facts = { connection, mailbox, error };
    const told = this.#toldMs.get(key);
    if (told !== undefined && told <= now && now < told + tellEveryMs) {
      log.debug(facts, 'copies in Sent Items could not be removed');
      return;
    }
    this.#toldMs.set(key, now);
    const remedy = error instanceof BridgeError ? ` ${error.remedy}` : '';
    log.warn(
      facts,
      `copies in Sent Items of ${mailbox} could not be removed; tried again: ${errorText(error)}${remedy}`,
    );
  }
}

function notPermitted(mailbox: string): BridgeError {
  return new BridgeError('sent-items-not-removable', `The bridge may not remove messages of ${mailbox}.`);
}
