import type { BridgeEvents, MailboxKind, MessageEventKind } from '../../admin/metrics/events.ts';
import type { Config } from '../../config/schema.ts';
import { isPattern } from '../../message/address/pattern.ts';
import type { QueuedMessage } from '../../queue/message.ts';
import type { ObservedAttempt, QueueObserver } from '../../queue/observer.ts';

/** Receives the counts. */
export type ObservationSink = Partial<BridgeEvents> & { guessed?(account: string): void };

/** Reports what happens in the bridge to the metrics. */
export class Observation implements QueueObserver {
  readonly #sinks: ObservationSink[] = [];
  #mailboxKinds: ReadonlyMap<string, Config['accounts'][number]> = new Map();
  #config: Config | undefined;
  #current: (() => Config) | undefined;

  /** @param current the configuration in force */
  use(current: () => Config): void {
    this.#current = current;
  }

  add(sink: ObservationSink): void {
    this.#sinks.push(sink);
  }

  accepted(message: QueuedMessage): void {
    this.#message('accepted', message, message.courier);
  }

  attempted(message: QueuedMessage, { courier, state, startedAtMs, durationMs }: ObservedAttempt): void {
    this.#hop('wait', courier, startedAtMs - Math.max(message.receivedAtMs, message.nextAttemptAtMs));
    this.#hop('attempt', courier, durationMs);
    if (state === 'delivered') this.#hop('whole', courier, startedAtMs + durationMs - message.receivedAtMs);
    this.#message(state === 'delivered' || state === 'failed' ? state : 'deferred', message, courier);
  }

  givenUp(message: QueuedMessage): void {
    this.#message('failed', message, message.courier);
  }

  noticeQueued(notice: QueuedMessage): void {
    this.#message('bounced', notice, notice.courier);
  }

  paused(code: string, forMs: number): void {
    for (const sink of this.#sinks) sink.throttled?.(code, forMs);
  }

  /** A message was delivered while its client waited. */
  deliveredDirectly(message: Pick<QueuedMessage, 'account' | 'mailbox' | 'size'>, courier: string): void {
    this.#message('accepted', message, courier);
    this.#message('delivered', message, courier);
  }

  /** Receives logins. */
  readonly logins = {
    onOutcome: (outcome: string, protocol: string): void => {
      for (const sink of this.#sinks) sink.login?.(protocol, outcome);
    },
    onBlocked: (account: string): void => {
      // Guesses at unknown names are endless and not counted.
      const isKnown = this.#current?.().accounts.some(
        ({ username }) => username.toLowerCase() === account.toLowerCase(),
      );
      if (isKnown) for (const sink of this.#sinks) sink.guessed?.(account);
    },
  };

  /** Octets over the connections of clients. */
  traffic(protocol: string, received: number, sent: number): void {
    for (const sink of this.#sinks) sink.traffic?.(protocol, received, sent);
  }

  /** A token was requested from Entra ID, or from the machine's identity. */
  tokenAsked(resource: string, ms: number, isGiven: boolean): void {
    for (const sink of this.#sinks) sink.tokenAsked?.(resource, ms, isGiven);
  }

  /** A mailbox was opened at Exchange Online for a client. */
  mailboxOpened(protocol: string, ms: number, isOpen: boolean): void {
    for (const sink of this.#sinks) sink.mailboxOpened?.(protocol, ms, isOpen);
  }

  client(protocol: string, what: 'accepted' | 'rejected'): void {
    for (const sink of this.#sinks) sink.client?.(protocol, what);
  }

  #message(
    kind: MessageEventKind,
    { account, mailbox, size }: Pick<QueuedMessage, 'account' | 'mailbox' | 'size'>,
    courier: string,
  ): void {
    const event = { kind, account, mailbox: this.#kindOf(account, mailbox), courier, bytes: size };
    for (const sink of this.#sinks) sink.message?.(event);
  }

  #hop(...hop: Parameters<BridgeEvents['hop']>): void {
    for (const sink of this.#sinks) sink.hop?.(...hop);
  }

  #kindOf(username: string, mailbox: string): MailboxKind {
    const config = this.#current?.();
    if (config && config !== this.#config) {
      this.#config = config;
      this.#mailboxKinds = new Map(config.accounts.map((account) => [account.username, account]));
    }
    // The mailboxes of an account for everybody are not listed by name.
    const { mailboxes = [] } = this.#mailboxKinds.get(username) ?? {};
    const listed = mailboxes.some((each) => !isPattern(each) && each.toLowerCase() === mailbox.toLowerCase());
    if (!listed) return 'pattern';
    return mailboxes.length === 1 ? 'only' : 'listed';
  }
}
