import { randomInt } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Simulator } from '../../src/simulator/simulator.ts';
import { Mailbridge } from '../support/process.ts';
import { alice, bodyOf, contosoConfig, type RelayFolder, relayFolder, startContoso, until } from '../support/relay.ts';
import { Burst, burstBody, burstId } from '../support/relay-burst.ts';

let simulator: Simulator;
let folder: RelayFolder;
const bridges: Mailbridge[] = [];

beforeEach(async () => {
  simulator = await startContoso({ graphConcurrentPerMailbox: 64, smtpConnectionsPerMailbox: 64 });
  const limits = { messagesPerMinute: 10_000, recipientsPerDay: 1_000_000, concurrentPerMailbox: 16 };
  const queue = { retryBaseSeconds: 1 };
  folder = await relayFolder(contosoConfig(simulator, { limits, queue, log: { level: 'info', format: 'json' } }));
});

afterEach(async () => {
  await Promise.all(bridges.splice(0).map((bridge) => bridge.kill()));
  await simulator?.close();
  await folder?.remove();
});

/** A bridge that can be down for a while. */
class Restarted {
  #current: Promise<Mailbridge>;

  constructor() {
    this.#current = this.#start();
  }

  bridge(): Promise<Mailbridge> {
    return this.#current;
  }

  /** @param end ends the old process; the new one starts after that */
  async restart(end: (old: Mailbridge) => Promise<unknown>): Promise<void> {
    const old = await this.#current;
    this.#current = end(old).then(() => this.#start());
    await this.#current;
  }

  async #start(): Promise<Mailbridge> {
    const bridge = await Mailbridge.start(folder.configFile);
    bridges.push(bridge);
    return bridge;
  }
}

/** How often Microsoft got each message. */
function deliveries(): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { messageId } of simulator.transport.journal.entries()) {
    counts.set(messageId, (counts.get(messageId) ?? 0) + 1);
  }
  return counts;
}

/** Waits until each of these messages is delivered and the queue is empty. */
async function drained(accepted: readonly number[]): Promise<void> {
  await until(
    'all accepted messages to be delivered',
    () => {
      const counts = deliveries();
      return accepted.every((number) => counts.has(burstId(number)));
    },
    60_000,
  );
  for (;;) {
    const list = Mailbridge.run(['queue', 'list', '--json', '--config', folder.configFile]);
    expect(await list.exit(), list.stderr).toMatchObject({ code: 0 });
    if ((JSON.parse(list.stdout) as unknown[]).length === 0) return;
  }
}

function expectWholeBodies(): void {
  for (const { content } of simulator.directory.messages(alice, 'INBOX')) {
    const number = Number(/^Message-ID: <burst-(\d+)@/m.exec(content.toString('latin1'))?.[1]);
    expect(bodyOf(content).toString() === burstBody(number), `body of ${number}`).toBe(true);
  }
}

test('killed with SIGKILL in a burst of 2,000 messages, it delivers each that it accepted and none that it refused', async () => {
  const killAfter = randomInt(100, 1500);
  const service = new Restarted();
  let restart: Promise<void> | undefined;
  const burst = new Burst({
    messages: 2000,
    connections: 16,
    port: async () => (await service.bridge()).port(),
    onAccepted(count) {
      if (count >= killAfter) restart ??= service.restart((old) => old.kill());
    },
  });
  await burst.run();
  await restart;
  const accepted = burst.with('accepted');
  await drained(accepted);

  const counts = deliveries();
  const missing = accepted.filter((number) => !counts.has(burstId(number)));
  const wrong = [...burst.with('refused'), ...burst.with('unsent')].filter((number) => counts.has(burstId(number)));
  const twice = [...counts.values()].filter((count) => count > 1).length;
  console.log(
    `killed after ${killAfter} accepted messages: ${accepted.length} accepted, ${burst.with('refused').length} refused, ` +
      `${burst.with('unanswered').length} unanswered, ${burst.with('unsent').length} unsent; ` +
      `${counts.size} delivered, ${twice} of them twice`,
  );
  expect(restart).toBeDefined();
  expect(burst.outcomes.size).toBe(2000);
  expect(missing).toEqual([]);
  expect(wrong).toEqual([]);
  expect(burst.with('refused').length).toBeGreaterThan(100);
  // Mail in flight to Microsoft at that instant is looked for before it is sent again.
  expect(twice).toBe(0);
  expectWholeBodies();
  // Files of large messages: of those delivered, and of those that were being received when it was killed.
  expect(await readdir(join(folder.path, 'data', 'queue', 'bodies'))).toEqual([]);
}, 120_000);

test('stopped with SIGTERM in the middle of a burst, it ends what it has begun, exits 0, and sends nothing twice', async () => {
  const stopAfter = randomInt(50, 300);
  for (const target of ['graph', 'smtp'] as const)
    simulator.faults.add({ target, kind: 'delay', delayMs: 50 }, 100_000);
  const service = new Restarted();
  const first = await service.bridge();
  let restart: Promise<void> | undefined;
  const burst = new Burst({
    messages: 500,
    connections: 16,
    port: async () => (await service.bridge()).port(),
    onAccepted(count) {
      if (count < stopAfter || restart !== undefined) return;
      restart = service.restart((old) => {
        old.signal('SIGTERM');
        return old.exit();
      });
    },
  });
  await burst.run();
  await restart;
  expect(await first.exit()).toEqual({ code: 0, signal: null });
  expect(first.stderr).toBe('');
  expect(first.lines.at(-1)).toMatchObject({ msg: 'stopped' });
  const accepted = burst.with('accepted');
  await drained(accepted);

  const counts = deliveries();
  console.log(
    `stopped after ${stopAfter} accepted messages: ${accepted.length} accepted, ${burst.with('unanswered').length} unanswered, ` +
      `${burst.with('unsent').length} unsent; ${counts.size} delivered`,
  );
  // Shutdown is orderly: every client gets a reply to a whole message.
  expect(burst.with('unanswered')).toEqual([]);
  expect([...counts.keys()].toSorted()).toEqual(accepted.map(burstId).toSorted());
  expect([...counts.values()].every((count) => count === 1)).toBe(true);
  expectWholeBodies();
}, 120_000);
