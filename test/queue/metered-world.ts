import { onTestFinished } from 'vitest';
import { silentLog } from '../../src/base/log.ts';
import type { CourierKind } from '../../src/message/courier-kind.ts';
import type {
  ConnectionTrouble,
  DeliveryReport,
  OutgoingMessage,
  RecipientOutcome,
} from '../../src/message/delivery.ts';
import type { Courier } from '../../src/queue/courier.ts';
import type { QueueLimits } from '../../src/queue/limits/limits.ts';
import type { NewMessage } from '../../src/queue/message.ts';
import { Queue, type QueueOptions } from '../../src/queue/queue.ts';
import type { QueueStore } from '../../src/queue/store.ts';
import { FakeClock, settle } from '../support/fake-clock.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { courierTraits } from './courier-traits.ts';
import { newMessage } from './stores/store-contract.ts';
import { openTestStore } from './test-store.ts';

/** One attempt as the upstream saw it. */
export interface Seen {
  readonly id: string;
  readonly mailbox: string;
  readonly courier: CourierKind;
  readonly to: readonly string[];
  readonly startedAtMs: number;
  /** When Microsoft counts it: somewhere between start and end. */
  readonly countedAtMs: number;
  endedAtMs: number;
}

/** What the upstream answers to an attempt; nothing: delivered. */
export type Answer =
  | Partial<Omit<RecipientOutcome, 'address'>>
  | ((address: string) => Partial<Omit<RecipientOutcome, 'address'>>);

/** The upstream: as slow as told, counting everything at once. */
export class Upstream {
  readonly seen: Seen[] = [];
  readonly clock: FakeClock;
  latencyMs: (message: OutgoingMessage) => number = () => 0;
  answer: (
    message: OutgoingMessage,
    call: number,
    courier: CourierKind,
  ) => Answer & { readonly pauseMailboxMs?: number; readonly trouble?: ConnectionTrouble } = () => ({});
  readonly #random: () => number;
  #running: Seen[] = [];
  mostAtOnce = 0;
  readonly mostOf = new Map<string, number>();

  constructor(clock: FakeClock, random: () => number = Math.random) {
    this.clock = clock;
    this.#random = random;
  }

  courier(kind: CourierKind): Courier {
    return { deliver: (message, signal) => this.#deliver(kind, message, signal) };
  }

  times(mailbox: string): number[] {
    return this.seen.filter((each) => each.mailbox === mailbox).map((each) => each.startedAtMs);
  }

  /** The most that fell into any span of that length, counted from every attempt on. */
  mostWithin(mailbox: string, spanMs: number, amount: (seen: Seen) => number): number {
    const all = this.seen.filter((each) => each.mailbox === mailbox).sort((a, b) => a.countedAtMs - b.countedAtMs);
    let most = 0;
    let sum = 0;
    let first = 0;
    for (const each of all) {
      sum += amount(each);
      for (let old = all[first]; old && old.countedAtMs <= each.countedAtMs - spanMs; old = all[++first]) {
        sum -= amount(old);
      }
      most = Math.max(most, sum);
    }
    return most;
  }

  async #deliver(courier: CourierKind, message: OutgoingMessage, signal: AbortSignal): Promise<DeliveryReport> {
    const startedAtMs = this.clock.now();
    const latencyMs = this.latencyMs(message);
    const to = message.envelope.recipients.map((each) => each.address);
    const countedAtMs = startedAtMs + latencyMs * this.#random();
    const seen: Seen = { ...message, courier, to, startedAtMs, countedAtMs, endedAtMs: Number.POSITIVE_INFINITY };
    const call = this.seen.push(seen);
    this.#running.push(seen);
    this.mostAtOnce = Math.max(this.mostAtOnce, this.#running.length);
    const key = `${message.mailbox} ${courier}`;
    const ofMailbox = this.#running.filter((each) => each.mailbox === message.mailbox && each.courier === courier);
    this.mostOf.set(key, Math.max(this.mostOf.get(key) ?? 0, ofMailbox.length));
    if (latencyMs > 0) {
      await new Promise<void>((resolve, reject) => {
        this.clock.after(latencyMs, resolve);
        signal.addEventListener('abort', () => reject(signal.reason));
      });
    }
    seen.endedAtMs = this.clock.now();
    this.#running = this.#running.filter((each) => each !== seen);
    const answer = this.answer(message, call, courier);
    return {
      recipients: to.map((address) => {
        const said = typeof answer === 'function' ? answer(address) : answer;
        return { address, outcome: 'delivered', code: '2.0.0', text: 'OK', ...said };
      }),
      ...(answer.pauseMailboxMs === undefined ? {} : { pauseMailboxMs: answer.pauseMailboxMs }),
      ...(answer.trouble === undefined ? {} : { trouble: answer.trouble }),
    };
  }
}

/** A queue with limits and an upstream; started. */
export function meteredQueue(
  limits: Partial<QueueLimits> = {},
  {
    folder = temporaryFolder(),
    clock = new FakeClock(),
    upstream = new Upstream(clock),
    storeOf = (store: QueueStore) => store,
  } = {},
  overrides: Partial<QueueOptions> = {},
) {
  const store = storeOf(openTestStore(folder));
  const queue = new Queue({
    store,
    clock,
    log: silentLog,
    couriers: courierTraits,
    limits: { messagesPerMinute: 1000, recipientsPerDay: 100_000, ...limits },
    isInternal: (_, address) => address.endsWith('@contoso.example'),
    oneLogin: (connection) => connection === 'person',
    backoff: { baseMs: 60_000, maxMs: 3_600_000 },
    retain: { deliveredMs: 7 * 86_400_000, failedMs: 7 * 86_400_000 },
    courierFor: ({ courier }) => upstream.courier(courier),
    bouncesFor: async () => [],
    ...overrides,
  });
  let stopped = false;
  /** Ends the run; the clock advances until what is under way has ended. */
  const stop = async (graceMs = 20_000, goesOnMs = 600_000) => {
    if (stopped) return;
    stopped = true;
    const stopping = queue.stop(graceMs);
    await clock.advance(goesOnMs);
    await stopping;
  };
  onTestFinished(() => stop(0));
  queue.start();
  /** Submits a message to these recipients; they are external unless the domain is contoso.example. */
  const send = async (change: Partial<NewMessage> = {}, to: readonly string[] = ['ann@contoso.example']) => {
    const spool = queue.spool();
    await spool.write(Buffer.from('Subject: x\r\n\r\nx\r\n'));
    const now = clock.now();
    const envelope = { ...newMessage().envelope, recipients: to.map((address) => ({ address })) };
    return await spool.commit(
      newMessage({ envelope, receivedAtMs: now, expiresAtMs: now + 48 * 3_600_000, ...change }),
    );
  };
  /** Submits many at the same time. */
  const sendMany = async (count: number, change: Partial<NewMessage> = {}, to?: readonly string[]) => {
    await Promise.all(Array.from({ length: count }, () => send(change, to)));
    await settle();
  };
  return { queue, store, clock, upstream, send, sendMany, stop, folder };
}
