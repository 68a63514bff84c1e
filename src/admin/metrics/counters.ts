import { Counter, Histogram, type Registry } from 'prom-client';
import { BoundedLabels } from './bounded-labels.ts';
import type { BridgeEvents, MessageEvent, TimedHop } from './events.ts';

/** Accounts that are told apart. */
export const mostAccounts = 200;
/** Codes come from the other side. */
const mostCodes = 50;

const latencySeconds = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200, 43_200];

/** Counts what happens, for a registry. */
export class BridgeCounters implements BridgeEvents {
  readonly #accounts = new BoundedLabels(mostAccounts);
  readonly #codes = new BoundedLabels(mostCodes);
  readonly #messages: Counter<'event' | 'account' | 'mailbox' | 'courier'>;
  readonly #bytes: Counter<'event'>;
  readonly #hops: Histogram<'hop' | 'courier'>;
  readonly #throttles: Counter<'code'>;
  readonly #throttleSeconds: Counter<'code'>;
  readonly #logins: Counter<'outcome'>;
  readonly #clients: Counter<'protocol' | 'what'>;

  constructor(registry: Registry) {
    const registers = [registry];
    this.#messages = new Counter({
      name: 'mailbridge_messages_total',
      help: `What happened to messages: event is accepted, delivered, deferred (by an attempt), failed or bounced (a report was queued); account is the username, or other beyond the first ${mostAccounts}; mailbox says whether it is the account's only one, one of those listed, or one of a pattern.`,
      labelNames: ['event', 'account', 'mailbox', 'courier'],
      registers,
    });
    this.#bytes = new Counter({
      name: 'mailbridge_message_bytes_total',
      help: 'Bytes of the messages of mailbridge_messages_total, by event.',
      labelNames: ['event'],
      registers,
    });
    this.#hops = new Histogram({
      name: 'mailbridge_hop_seconds',
      help: 'How long messages take: hop is wait (from when one is due to its attempt, limits and pauses included), attempt (to the answer of Microsoft), or whole (from its first byte to its delivery).',
      labelNames: ['hop', 'courier'],
      buckets: latencySeconds,
      registers,
    });
    this.#throttles = new Counter({
      name: 'mailbridge_throttle_waits_total',
      help: `How often mail of a mailbox or a connection had to wait because Microsoft, or a limit, asked for it; code is other beyond the first ${mostCodes}.`,
      labelNames: ['code'],
      registers,
    });
    this.#throttleSeconds = new Counter({
      name: 'mailbridge_throttle_wait_seconds_total',
      help: 'The time that was asked for in these waits.',
      labelNames: ['code'],
      registers,
    });
    this.#logins = new Counter({
      name: 'mailbridge_logins_total',
      help: 'Logins of clients, by what they came to: right, wrong, blocked, busy, unavailable, other-mailbox.',
      labelNames: ['outcome'],
      registers,
    });
    this.#clients = new Counter({
      name: 'mailbridge_clients_total',
      help: 'Connections of clients that were accepted, or rejected because there were too many.',
      labelNames: ['protocol', 'what'],
      registers,
    });
  }

  message({ kind, account, mailbox, courier, bytes }: MessageEvent): void {
    this.#messages.inc({ event: kind, account: this.#accounts.of(account), mailbox, courier });
    this.#bytes.inc({ event: kind }, bytes);
  }

  hop(hop: TimedHop, courier: string, ms: number): void {
    this.#hops.observe({ hop, courier }, Math.max(0, ms) / 1000);
  }

  throttled(code: string, ms: number): void {
    const label = { code: this.#codes.of(code) };
    this.#throttles.inc(label);
    this.#throttleSeconds.inc(label, ms / 1000);
  }

  login(outcome: string): void {
    this.#logins.inc({ outcome });
  }

  client(protocol: string, what: 'accepted' | 'rejected'): void {
    this.#clients.inc({ protocol, what });
  }
}
