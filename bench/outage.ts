import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { silentLog } from '../src/base/log.ts';
import { couriers } from '../src/couriers/registry.ts';
import type { ConnectionTrouble, DeliveryReport, OutgoingMessage } from '../src/message/delivery.ts';
import type { NewMessage } from '../src/queue/message.ts';
import { Queue } from '../src/queue/queue.ts';
import type { QueueStore } from '../src/queue/store.ts';
import { openSqliteStore } from '../src/queue/stores/sqlite/store.ts';
import { FakeClock } from '../test/support/fake-clock.ts';

const usage = `Usage: npm run bench:outage [-- --messages 50000 --mailboxes 100 --only NAME]

An hour without Microsoft, by a clock that is moved, with that many messages in the queue; once for each kind of outage,
or for those whose name begins with NAME (Entra, DNS, port, certificate).
It counts what reaches Microsoft's side and what is written meanwhile, and looks how mail flows afterwards.
`;

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const messagesPerMinute = 30;
const latencyMs = 300;

const trouble = (part: ConnectionTrouble['part'], code: string, text: string): ConnectionTrouble => ({
  part,
  outcome: 'temporary',
  code,
  text,
  isSure: true,
});

const outages: Readonly<Record<string, ConnectionTrouble>> = {
  'Entra ID: 503': trouble('graph-token', 'token-temporarily-unavailable', 'HTTP 503'),
  'Entra ID: 503, Retry-After 20': {
    ...trouble('graph-token', 'token-temporarily-unavailable', 'HTTP 503'),
    retryAfterMs: 20_000,
  },
  'DNS: ENOTFOUND': trouble('graph', 'upstream-name-unknown', 'ENOTFOUND'),
  'port: ECONNREFUSED': trouble('graph', 'upstream-unreachable', 'ECONNREFUSED'),
  'certificate: not trusted': { ...trouble('graph', 'upstream-certificate-untrusted', 'no'), outcome: 'needs-admin' },
};

/** Microsoft's side, up or down. */
class Upstream {
  readonly #clock: FakeClock;
  readonly seen: { readonly mailbox: string; readonly atMs: number }[] = [];
  probes = 0;
  outage: ConnectionTrouble | undefined;

  constructor(clock: FakeClock) {
    this.#clock = clock;
  }

  async deliver({ mailbox, envelope }: OutgoingMessage): Promise<DeliveryReport> {
    const { outage } = this;
    this.seen.push({ mailbox, atMs: this.#clock.now() });
    await new Promise<void>((resolve) => this.#clock.after(latencyMs, resolve));
    const { outcome, code, text } = outage ?? { outcome: 'delivered', code: '202', text: '' };
    const recipients = envelope.recipients.map(({ address }) => ({ address, outcome, code, text }));
    return outage ? { recipients, trouble: outage } : { recipients };
  }

  async probe(part: ConnectionTrouble['part']): Promise<ConnectionTrouble | undefined> {
    this.probes++;
    return this.outage?.part === part ? this.outage : undefined;
  }
}

const mailboxName = (index: number) => `printer${index}@contoso.example`;

function newMessage(index: number, mailboxes: number, nowMs: number): NewMessage {
  const mailbox = mailboxName(index % mailboxes);
  return {
    account: mailbox,
    connection: 'contoso',
    mailbox,
    courier: 'graph',
    envelope: { reversePath: mailbox, recipients: [{ address: 'a@x.example' }], eightBit: false, smtpUtf8: false },
    isBounce: false,
    receivedAtMs: nowMs,
    expiresAtMs: nowMs + 48 * hourMs,
  };
}

async function fill(queue: Queue, count: number, mailboxes: number, nowMs: number): Promise<void> {
  const content = Buffer.from('Subject: x\r\n\r\nx\r\n');
  for (let from = 0; from < count; from += 1000) {
    const part = Array.from({ length: Math.min(1000, count - from) }, async (_, index) => {
      const spool = queue.spool();
      await spool.write(content);
      await spool.commit(newMessage(from + index, mailboxes, nowMs));
    });
    await Promise.all(part);
  }
}

/** Counts a store's writes about messages. */
function countWrites(store: QueueStore): { count: number } {
  const writes = { count: 0 };
  const methods = store as unknown as Record<string, (...values: unknown[]) => unknown>;
  for (const name of ['record', 'defer', 'giveUp', 'hasten', 'release']) {
    const method = methods[name] as (...values: unknown[]) => unknown;
    methods[name] = (...values) => {
      writes.count++;
      return method.apply(store, values);
    };
  }
  return writes;
}

function mostWithinMinute(times: readonly number[]): number {
  let most = 0;
  for (let first = 0, last = 0; last < times.length; last++) {
    while ((times[last] as number) - (times[first] as number) >= minuteMs) first++;
    most = Math.max(most, last - first + 1);
  }
  return most;
}

interface Result {
  readonly atUpstream: number;
  readonly writes: number;
  readonly firstAfterMs: number;
  readonly drainedAfterMs: number;
  readonly mostPerMinute: number;
  readonly delivered: number;
}

async function hourOf(outage: ConnectionTrouble, count: number, mailboxes: number): Promise<Result> {
  const folder = mkdtempSync(join(tmpdir(), 'mailbridge-outage-'));
  const clock = new FakeClock();
  const upstream = new Upstream(clock);
  const store = openSqliteStore(folder, { exclusive: true });
  const writes = countWrites(store);
  const queue = new Queue({
    store,
    clock,
    log: silentLog,
    couriers,
    limits: { messagesPerMinute, recipientsPerDay: 10_000 },
    isInternal: () => true,
    backoff: { baseMs: minuteMs, maxMs: hourMs },
    retain: { deliveredMs: 7 * 24 * hourMs, failedMs: 7 * 24 * hourMs },
    courierFor: () => upstream,
    probe: (_, part) => upstream.probe(part),
    bouncesFor: async () => [],
  });
  upstream.outage = outage;
  queue.start();
  await fill(queue, count, mailboxes, clock.now());
  const began = { writes: 0 };
  await clock.advance(minuteMs);
  began.writes = writes.count;
  await clock.advance(hourMs - minuteMs);
  const atUpstream = upstream.seen.length + upstream.probes;
  const written = writes.count - began.writes;
  const overAtMs = clock.now();
  const before = upstream.seen.length;
  upstream.outage = undefined;
  while ((await store.count('delivered')) < count && clock.now() - overAtMs < 6 * hourMs) await clock.advance(10_000);
  const after = upstream.seen.slice(before);
  const byMailbox = Map.groupBy(after, ({ mailbox }) => mailbox);
  const delivered = await store.count('delivered');
  const stopping = queue.stop(0);
  await clock.advance(1000);
  await stopping;
  rmSync(folder, { recursive: true, force: true });
  return {
    atUpstream,
    writes: written,
    firstAfterMs: (after[0]?.atMs ?? Number.POSITIVE_INFINITY) + latencyMs - overAtMs,
    drainedAfterMs: clock.now() - overAtMs,
    mostPerMinute: Math.max(...[...byMailbox.values()].map((each) => mostWithinMinute(each.map(({ atMs }) => atMs)))),
    delivered,
  };
}

const { values } = parseArgs({
  options: {
    messages: { type: 'string', default: '50000' },
    mailboxes: { type: 'string', default: '100' },
    only: { type: 'string', default: '' },
    help: { type: 'boolean' },
  },
});
if (values.help) {
  process.stdout.write(usage);
} else {
  const count = Number(values.messages);
  let isGood = true;
  const kinds = Object.entries(outages).filter(([name]) => name.startsWith(values.only));
  for (const [name, outage] of kinds) {
    const result = await hourOf(outage, count, Number(values.mailboxes));
    const { atUpstream, writes, firstAfterMs, drainedAfterMs, mostPerMinute, delivered } = result;
    process.stdout.write(
      `${name}: ${atUpstream} came to Microsoft's side in the hour, ${writes} writes of messages after its first minute; ` +
        `first delivery ${(firstAfterMs / 1000).toFixed(1)} s after its end, all ${delivered} within ` +
        `${Math.round(drainedAfterMs / minuteMs)} min, at most ${mostPerMinute} a minute for a mailbox\n`,
    );
    const isWithin = atUpstream < 200 && writes === 0 && firstAfterMs <= 30_000 && mostPerMinute <= messagesPerMinute;
    isGood &&= isWithin && delivered === count;
  }
  process.exitCode = isGood ? 0 : 1;
}
