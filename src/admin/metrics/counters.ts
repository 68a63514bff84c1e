import { Counter, Histogram, type Registry } from 'prom-client';
import { BoundedLabels } from './bounded-labels.ts';
import type { BridgeEvents, MessageEvent, TimedHop } from './events.ts';

/** Accounts that are distinguished. */
export const mostAccounts = 200;
/** The upstream chooses the codes. */
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
  readonly #logins: Counter<'protocol' | 'outcome'>;
  readonly #traffic: Counter<'protocol' | 'direction'>;
  readonly #tokens: Histogram<'resource' | 'outcome'>;
  readonly #mailboxes: Histogram<'protocol' | 'outcome'>;
  readonly #clients: Counter<'protocol' | 'what'>;

  constructor(registry: Registry) {
    const registers = [registry];
    const counter = <L extends string>(name: string, labelNames: L[], help: string) =>
      new Counter({ name, help, labelNames, registers });
    const histogram = <L extends string>(name: string, labelNames: L[], help: string) =>
      new Histogram({ name, help, labelNames, buckets: latencySeconds, registers });
    this.#messages = counter(
      'mailbridge_messages_total',
      ['event', 'account', 'mailbox', 'courier'],
      `Messages by what happened to them: event is accepted, delivered, deferred (by an attempt), failed or bounced (a report was queued); account is the username, or other beyond the first ${mostAccounts}; mailbox says whether it is the account's only one, one of those listed, or one of a pattern.`,
    );
    this.#bytes = counter(
      'mailbridge_message_bytes_total',
      ['event'],
      'Bytes of the messages of mailbridge_messages_total, by event.',
    );
    this.#hops = histogram(
      'mailbridge_hop_seconds',
      ['hop', 'courier'],
      'How long messages take: hop is wait (from when one is due to its attempt, limits and pauses included), attempt (to the answer from Microsoft), or whole (from its first byte to its delivery).',
    );
    this.#throttles = counter(
      'mailbridge_throttle_waits_total',
      ['code'],
      `How often mail of a mailbox or a connection had to wait because Microsoft or a limit required it; code is other beyond the first ${mostCodes}.`,
    );
    this.#throttleSeconds = counter(
      'mailbridge_throttle_wait_seconds_total',
      ['code'],
      'The time required by these waits.',
    );
    this.#logins = counter(
      'mailbridge_logins_total',
      ['protocol', 'outcome'],
      'Logins of clients, by outcome: right, wrong, blocked, busy, unavailable, other-mailbox.',
    );
    this.#traffic = counter(
      'mailbridge_client_bytes_total',
      ['protocol', 'direction'],
      'Bytes of client connections on the wire, TLS included, over all workers; direction is received or sent.',
    );
    this.#tokens = histogram(
      'mailbridge_token_request_seconds',
      ['resource', 'outcome'],
      'How long Entra ID takes to answer a token request; resource is graph or exchange, outcome given or refused.',
    );
    this.#mailboxes = histogram(
      'mailbridge_mailbox_open_seconds',
      ['protocol', 'outcome'],
      'How long it takes to open a mailbox at Exchange Online for an IMAP or POP3 client, token included; outcome is open or failed. Mailboxes that workers open are not counted.',
    );
    this.#clients = counter(
      'mailbridge_clients_total',
      ['protocol', 'what'],
      'Client connections that were accepted, or rejected because there were too many.',
    );
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

  login(protocol: string, outcome: string): void {
    this.#logins.inc({ protocol, outcome });
  }

  traffic(protocol: string, received: number, sent: number): void {
    this.#traffic.inc({ protocol, direction: 'received' }, received);
    this.#traffic.inc({ protocol, direction: 'sent' }, sent);
  }

  tokenAsked(resource: string, ms: number, isGiven: boolean): void {
    this.#tokens.observe({ resource, outcome: isGiven ? 'given' : 'refused' }, Math.max(0, ms) / 1000);
  }

  mailboxOpened(protocol: string, ms: number, isOpen: boolean): void {
    this.#mailboxes.observe({ protocol, outcome: isOpen ? 'open' : 'failed' }, Math.max(0, ms) / 1000);
  }

  client(protocol: string, what: 'accepted' | 'rejected'): void {
    this.#clients.inc({ protocol, what });
  }
}
