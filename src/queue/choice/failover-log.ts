import type { Clock } from '../../base/clock.ts';
import type { Log } from '../../base/log.ts';
import { answerText } from '../../message/answer-text.ts';
import type { CourierKind } from '../../message/courier-kind.ts';
import type { CourierTable } from '../courier.ts';
import { destinationOf, type QueuedMessage } from '../message.ts';
import type { Choice, PassedOver } from './choose.ts';

/**
 * Logs once when the mail of a connection or a mailbox uses another courier than the preferred one, and when it
 * returns.
 */
export class FailoverLog {
  readonly #couriers: CourierTable;
  readonly #log: Log;
  readonly #clock: Clock;
  /** Since when mail uses another courier, by who is in trouble and which courier is shut. */
  readonly #awaySinceMs = new Map<string, number>();

  constructor({ couriers, log, clock }: { readonly couriers: CourierTable; readonly log: Log; readonly clock: Clock }) {
    this.#couriers = couriers;
    this.#log = log;
    this.#clock = clock;
  }

  /** An attempt begins. */
  chosen(message: QueuedMessage, { courier, passedOver }: Choice): void {
    for (const each of passedOver) this.#left(message, courier, each);
  }

  /** An attempt has delivered: the courier that was left for another one is open again. */
  delivered(message: QueuedMessage, courier: CourierKind): void {
    if (this.#awaySinceMs.size === 0) return;
    this.#returned(`${message.connection} ${courier}`, `connection ${message.connection}`, message, courier);
    this.#returned(`${destinationOf(message)} ${courier}`, `mail of ${message.mailbox}`, message, courier);
  }

  #left(message: QueuedMessage, courier: CourierKind, { courier: shut, obstacle }: PassedOver): void {
    const { connection, mailbox } = message;
    const { of, code, sinceMs, needsAdmin } = obstacle;
    const key = `${of === 'connection' ? connection : destinationOf(message)} ${shut}`;
    if (this.#awaySinceMs.has(key)) return;
    this.#awaySinceMs.set(key, this.#clock.now());
    const who = of === 'connection' ? `connection ${connection}` : `mail of ${mailbox}`;
    const since = new Date(sinceMs).toISOString();
    const why = `${this.#name(shut)} unavailable since ${since}: ${answerText(obstacle)}`;
    const facts = { connection, ...(of === 'mailbox' && { mailbox }), courier, shut, code, since };
    this.#log[needsAdmin ? 'error' : 'warn'](facts, `${who} uses ${this.#name(courier)}: ${why}`);
  }

  #returned(key: string, who: string, { connection, mailbox }: QueuedMessage, courier: CourierKind): void {
    const sinceMs = this.#awaySinceMs.get(key);
    if (sinceMs === undefined) return;
    this.#awaySinceMs.delete(key);
    const ms = Math.max(0, this.#clock.now() - sinceMs);
    const facts = { connection, mailbox, courier, ms };
    this.#log.warn(facts, `${who} uses ${this.#name(courier)} again after ${Math.round(ms / 1000)} s`);
  }

  #name(courier: CourierKind): string {
    return this.#couriers[courier].shortName;
  }
}
