import type { Clock } from '../../base/clock.ts';
import { errorText } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import { type InstancesChange, preferredInstance } from './instances.ts';
import type { OwnershipTimes } from './times.ts';

/** What belongs on one line arrives within this time. */
const gatherMs = 2_000;
/** The same line about the same instance is logged once in this time; those in between are for debugging. */
const againAfterMs = 60_000;

export interface OwnershipLogOptions {
  readonly self: string;
  readonly log: Log;
  readonly clock: Clock;
  readonly monotonicMs: () => number;
  readonly times: OwnershipTimes;
}

/** Logs ownership for administrators: one line for many mailboxes. */
export class OwnershipLog {
  readonly #options: OwnershipLogOptions;
  /** Instances that are gone, and how many of their leases were taken over. */
  readonly #gone = new Map<string, number>();
  #before: readonly string[] = [];
  readonly #handedOver = new Map<string, number>();
  readonly #toldMs = new Map<string, number>();
  #cancel: (() => void) | undefined;

  constructor(options: OwnershipLogOptions) {
    this.#options = options;
  }

  changed({ before, joined, gone }: InstancesChange, instances: readonly string[]): void {
    const { self } = this.#options;
    for (const name of gone) this.#gone.set(name, 0);
    if (gone.length > 0) {
      this.#before = before;
      this.#gather();
    }
    const others = joined.filter((name) => name !== self);
    if (others.length === 0) return;
    const fields = { instance: self, joined: others, instances };
    const text = `${named(others)} ${others.length === 1 ? 'shares' : 'share'} the mailboxes with instance ${self}`;
    this.#tell('info', `joined ${others}`, fields, text);
  }

  /** This instance has become an owner. */
  gained(key: string): void {
    const owner = preferredInstance(key, this.#before) ?? '';
    const count = this.#gone.get(owner);
    if (count !== undefined) this.#gone.set(owner, count + 1);
  }

  handedOver(to: string): void {
    this.#handedOver.set(to, (this.#handedOver.get(to) ?? 0) + 1);
    this.#gather();
  }

  /** Another instance has what this one had. */
  lost(count: number): void {
    const { self } = this.#options;
    const text = `instance ${self} has lost ${mailboxes(count)}: it has not renewed its lease in time`;
    this.#tell('warn', 'lost', { instance: self, leases: count }, text);
  }

  /** @param failure why the store has not answered; undefined if unknown */
  lapsed(count: number, silentMs: number, failure: unknown): void {
    const { self } = this.#options;
    const seconds = Math.round(silentMs / 1000);
    const what = count === 0 ? 'delivers nothing' : `gives up ${mailboxes(count)}`;
    const why = `the store has not renewed its lease for ${seconds} s`;
    const error = failure === undefined ? {} : { error: failure };
    const said = failure === undefined ? '' : `: ${errorText(failure)}`;
    this.#tell(
      'warn',
      'lapsed',
      { instance: self, leases: count, ...error },
      `instance ${self} ${what}: ${why}${said}`,
    );
  }

  back(): void {
    const { self } = this.#options;
    this.#tell('info', 'back', { instance: self }, `instance ${self} has renewed its lease again`);
  }

  cannotLeave(error: unknown): void {
    const { self, log, times } = this.#options;
    const seconds = times.leaseMs / 1000;
    const text = `instance ${self} cannot tell the store that it ends: others take over within ${seconds} s`;
    log.warn({ instance: self, error }, `${text}: ${errorText(error)}`);
  }

  /** The next renewal shows what has become of it. */
  failed(error: unknown): void {
    this.#options.log.debug({ instance: this.#options.self, error }, 'cannot change leases');
  }

  /** Logs what has been gathered. */
  flush(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    for (const [name, leases] of this.#gone) this.#tellGone(name, leases);
    for (const [to, leases] of this.#handedOver) this.#tellHandedOver(to, leases);
    this.#gone.clear();
    this.#handedOver.clear();
  }

  #gather(): void {
    this.#cancel ??= this.#options.clock.after(gatherMs, () => this.flush());
  }

  #tellGone(name: string, leases: number): void {
    const { self, times } = this.#options;
    const why = `which ends or has not been heard of for ${times.leaseMs / 1000} s`;
    const text =
      leases === 0
        ? `instance ${name}, ${why}, left no mailboxes to instance ${self}`
        : `instance ${self} has taken over ${mailboxes(leases)} of ${name}, ${why}`;
    this.#tell('info', `gone ${name}`, { instance: self, gone: name, leases }, text);
  }

  #tellHandedOver(to: string, leases: number): void {
    const { self } = this.#options;
    const text = `instance ${self} has handed over ${mailboxes(leases)} to ${to}`;
    this.#tell('info', `handed over ${to}`, { instance: self, to, leases }, text);
  }

  #tell(level: 'info' | 'warn', line: string, fields: object, text: string): void {
    const { log, monotonicMs } = this.#options;
    const nowMs = monotonicMs();
    const isAgain = nowMs - (this.#toldMs.get(line) ?? Number.NEGATIVE_INFINITY) < againAfterMs;
    log[isAgain ? 'debug' : level](fields, text);
    if (isAgain) return;
    for (const [told, atMs] of this.#toldMs) if (nowMs - atMs >= againAfterMs) this.#toldMs.delete(told);
    this.#toldMs.set(line, nowMs);
  }
}

function mailboxes(count: number): string {
  return count === 1 ? '1 mailbox' : `${count} mailboxes`;
}

function named(instances: readonly string[]): string {
  return `${instances.length === 1 ? 'instance' : 'instances'} ${instances.join(', ')}`;
}
