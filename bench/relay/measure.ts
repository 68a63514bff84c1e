import { setTimeout as sleep } from 'node:timers/promises';
import { type DataTimes, dataTimes } from './data-times.ts';
import { connections, messageBytes, sendMessages } from './load.ts';
import { type Relay, type RelayKind, recipient } from './relay.ts';
import type { Sink } from './sink.ts';
import { type Usage, UsageWatch } from './usage.ts';

/** One phase: messages per second, and their cost. */
export interface Phase extends Usage {
  readonly messagesPerSecond: number;
  /** See {@link Relay.worstStallMs}. */
  readonly worstStallMs?: number;
}

/** The phases of one relay in one round. */
export interface Phases {
  /** Acceptance only: the upstream is silent. */
  readonly accept: Phase;
  /** The full queue is emptied. */
  readonly drain: Phase;
  /** Both at once: from the start of the first message to the arrival of the last one upstream. */
  readonly through: Phase;
  /** For messages sent while nothing is delivered. */
  readonly dataMs: DataTimes;
}

interface Settings {
  readonly folder: string;
  readonly sink: Sink;
  readonly messages: number;
}

const warmUpMessages = 500;

/** Runs a relay through all phases. Throws if the counts do not agree. */
export async function measure(kind: RelayKind, { folder, sink, messages }: Settings): Promise<Phases> {
  const relay = await kind.start({ folder, sink: sink.endpoints, concurrency: connections });
  try {
    await through(relay, sink, warmUpMessages);
    await settled(relay, 0);
    const accept = await acceptAlone(relay, sink, messages);
    const drain = await runEmpty(relay, sink, messages);
    await settled(relay, 0);
    const whole = await watched(relay, () => through(relay, sink, messages));
    await settled(relay, 0);
    const dataMs = await timed(relay, sink, messages);
    return { accept, drain, through: whole, dataMs };
  } finally {
    await sink.gate(true);
    await relay.stop();
  }
}

async function acceptAlone(relay: Relay, sink: Sink, messages: number): Promise<Phase> {
  await sink.gate(false);
  await sink.expect(messages);
  const phase = await watched(relay, async () => {
    const { fromMs, untilMs } = await sendMessages(relay.ports, messages, recipient);
    return (messages * 1000) / (untilMs - fromMs);
  });
  await settled(relay, messages);
  return phase;
}

async function runEmpty(relay: Relay, sink: Sink, messages: number): Promise<Phase> {
  const { reached } = await sink.expect(messages);
  return await watched(relay, async () => {
    const fromMs = performance.timeOrigin + performance.now();
    await sink.gate(true);
    const { atMs, octets } = await reached;
    assertWhole(octets, messages);
    return (messages * 1000) / (atMs - fromMs);
  });
}

async function timed(relay: Relay, sink: Sink, messages: number): Promise<DataTimes> {
  await sink.gate(false);
  const count = Math.ceil(messages / connections) * connections;
  const { reached } = await sink.expect(count);
  const times = await dataTimes(relay.ports, messages);
  await sink.gate(true);
  await reached;
  await settled(relay, 0);
  return times;
}

async function through(relay: Relay, sink: Sink, messages: number): Promise<number> {
  const { reached } = await sink.expect(messages);
  const { fromMs } = await sendMessages(relay.ports, messages, recipient);
  const { atMs, octets } = await reached;
  assertWhole(octets, messages);
  return (messages * 1000) / (atMs - fromMs);
}

async function watched(relay: Relay, work: () => Promise<number>): Promise<Phase> {
  await relay.worstStallMs?.();
  const watch = new UsageWatch(relay.pids);
  const messagesPerSecond = await work();
  const usage = watch.stop();
  const worstStallMs = await relay.worstStallMs?.();
  return { messagesPerSecond, ...usage, ...(worstStallMs !== undefined && { worstStallMs }) };
}

/** Waits until a queue holds exactly this many messages. */
async function settled(relay: Relay, messages: number): Promise<void> {
  let queued = await relay.queued();
  for (let tries = 0; queued !== messages && tries < 20; tries++) {
    await sleep(250);
    queued = await relay.queued();
  }
  if (queued !== messages) throw new Error(`the queue holds ${queued} messages where ${messages} were expected`);
}

function assertWhole(octets: number, messages: number): void {
  if (octets < messages * messageBytes) throw new Error(`${messages} messages came with ${octets} octets in all`);
}
