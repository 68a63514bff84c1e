import { Alerts } from '../../admin/alerts/alerts.ts';
import type { AlertNews } from '../../admin/alerts/condition.ts';
import type { AlertThresholds } from '../../admin/alerts/conditions.ts';
import { alertMail } from '../../admin/alerts/mail.ts';
import { WaitingPosts } from '../../admin/alerts/waiting-posts.ts';
import { Webhook } from '../../admin/alerts/webhook.ts';
import type { EventSink } from '../../admin/api/events/hub.ts';
import type { Clock } from '../../base/clock.ts';
import { createHttpClient } from '../../base/http/client.ts';
import { inBackground } from '../../base/in-background.ts';
import type { Log } from '../../base/log.ts';
import type { Config } from '../../config/schema.ts';
import { exactAddresses } from '../../message/address/pattern.ts';
import { HeaderBlock } from '../../message/header/fields.ts';
import { listedHeader } from '../../message/header/listed.ts';
import type { Queue } from '../../queue/queue.ts';
import { type AdminSources, adminFacts } from '../admin/facts.ts';
import type { BridgeState } from '../bridge-state.ts';
import { instanceName } from '../instances/instance.ts';
import { expiriesOf } from './expiries.ts';
import type { Observation } from './observation.ts';

/** What alerting looks at and reports through. */
export interface AlertingParts extends Omit<AdminSources, 'alerts'> {
  readonly clock: Clock;
  readonly log: Log;
  readonly hostname: string;
  readonly queue: Pick<Queue, 'spool' | 'breakers'>;
  readonly observation: Observation;
  /** For open pages. */
  readonly events?: EventSink;
  state(): BridgeState;
}

/** Watches the bridge. */
export interface Alerting {
  readonly alerts: Alerts;
  /** The configuration has changed: reports whatever it says. */
  reloaded(): void;
  stop(): Promise<void>;
}

const minuteMs = 60_000;

/** Looks for what somebody should know, and reports it as the configuration in force says. */
export function startAlerting(parts: AlertingParts): Alerting {
  const { clock, log, store, observation, state } = parts;
  const facts = adminFacts(parts);
  const webhooks = new Webhooks(parts, new WaitingPosts(store.records, instanceName(state().config)));
  const alerts = new Alerts({
    ...{ clock, log, records: store.records, instance: instanceName(state().config) },
    thresholds: () => thresholdsOf(state().config),
    sources: async () => ({
      expiries: await expiriesOf(state()),
      troubles: facts.troubles(),
      signInsNeeded: (await facts.signIns()).filter(({ isNeeded }) => isNeeded).map(({ connection }) => connection),
      oldestQueuedAtMs: (await store.summary()).oldestQueuedAtMs,
    }),
    async tell(news) {
      parts.events?.tell({ kind: 'alert', data: news });
      await Promise.all([webhooks.tell(news), mail(news, parts)]);
    },
  });
  alerts.start();
  webhooks.resume();
  observation.add({ guessed: (account) => alerts.guessed(account) });
  return {
    alerts,
    reloaded: () => webhooks.reloaded(),
    async stop() {
      await alerts.stop();
      await webhooks.close();
    },
  };
}

function thresholdsOf({ alerts }: Config): AlertThresholds {
  const { expiryDays, troubleMinutes, queueWaitMinutes } = alerts;
  return { expiryDays, troubleMs: troubleMinutes * minuteMs, queueWaitMs: queueWaitMinutes * minuteMs };
}

/** The webhook of the configuration in force. */
class Webhooks {
  readonly #parts: AlertingParts;
  readonly #kept: WaitingPosts;
  #open: { readonly webhook: Webhook; close(): Promise<void> } | undefined;

  constructor(parts: AlertingParts, kept: WaitingPosts) {
    this.#parts = parts;
    this.#kept = kept;
  }

  /** @throws what the store throws */
  async tell(news: AlertNews): Promise<void> {
    await this.#current()?.tell(news);
  }

  /** Posts what was left waiting. */
  resume(): void {
    const { log } = this.#parts;
    inBackground(async () => await this.#current()?.resume(), log, 'alerts: cannot post what waits for the webhook');
  }

  /** Another webhook may be configured now: it gets what the previous one has not taken. */
  reloaded(): void {
    const { log } = this.#parts;
    const next = async () => {
      await this.close();
      await this.#current()?.resume();
    };
    inBackground(next, log, 'alerts: cannot post what waits for the webhook');
  }

  #current(): Webhook | undefined {
    const { config } = this.#parts.state();
    const { webhook } = config.alerts;
    if (!webhook) return undefined;
    this.#open ??= this.#opened(config, webhook);
    return this.#open.webhook;
  }

  async close(): Promise<void> {
    const open = this.#open;
    this.#open = undefined;
    await open?.close();
  }

  #opened(config: Config, { url, secret }: NonNullable<Config['alerts']['webhook']>) {
    const { clock, log } = this.#parts;
    const http = createHttpClient({ proxy: config.proxy?.reveal() });
    const webhook = new Webhook({ url, secret: () => secret.reveal(), http, kept: this.#kept, clock, log });
    return {
      webhook,
      async close() {
        await webhook.close();
        await http.close();
      },
    };
  }
}

/** Queues an alert as a message of the account that the configuration names. */
async function mail(news: AlertNews, { clock, hostname, queue, state }: AlertingParts): Promise<void> {
  const { config } = state();
  const { mailTo, account: username } = config.alerts;
  const account = config.accounts.find((each) => each.username === username);
  const [mailbox] = exactAddresses(account?.mailboxes ?? []);
  if (mailTo === undefined || !account?.send || mailbox === undefined) return;
  const content = alertMail(news, { from: mailbox, to: mailTo, hostname });
  const now = clock.now();
  const spool = queue.spool();
  try {
    await spool.write(content);
    await spool.commit({
      ...{ account: account.username, connection: account.connection, mailbox, courier: account.send[0] },
      envelope: { reversePath: '', recipients: [{ address: mailTo }], eightBit: false, smtpUtf8: false },
      // A failure of an alert is not reported: that would be another alert.
      isBounce: true,
      ...{ receivedAtMs: now, expiresAtMs: now + config.queue.expireAfterHours * 3_600_000 },
      ...listedHeader(HeaderBlock.parse(content)),
    });
  } finally {
    await spool.discard();
  }
}
