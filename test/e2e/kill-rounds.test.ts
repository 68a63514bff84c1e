import { randomInt } from 'node:crypto';
import { afterEach, expect, test } from 'vitest';
import type { Simulator } from '../../src/simulator/simulator.ts';
import { Mailbridge } from '../support/process.ts';
import {
  contosoAccount,
  contosoConfig,
  couriers,
  type RelayFolder,
  relayFolder,
  reports,
  startContoso,
  until,
} from '../support/relay.ts';
import { Burst, burstId } from '../support/relay-burst.ts';

/** `KILL_ROUNDS=300` for the long run. */
const rounds = Number(process.env.KILL_ROUNDS ?? 12);
const messagesPerRound = 30;
const concurrent = 6;

let simulator: Simulator;
let folder: RelayFolder;
let bridge: Promise<Mailbridge>;

afterEach(async () => {
  await (await bridge)?.kill();
  await simulator?.close();
  await folder?.remove();
});

/** What Microsoft does to a few of the next requests or messages. */
function stageCuts(): void {
  simulator.faults.clear();
  const kinds = ['cut-before', 'cut-reading', 'cut-after', 'cut-answering'] as const;
  for (const [target, at] of [
    ['graph', 'sendMail'],
    ['smtp', 'data'],
    // These look for copies and remove them.
    ['graph', 'listMessages'],
    ['graph', 'permanentDelete'],
  ] as const) {
    const kind = kinds[randomInt(kinds.length)] ?? 'cut-after';
    simulator.faults.add({ target, at, kind }, randomInt(1, 4));
  }
}

async function killInRounds(count: number, sentItems: 'keep' | 'remove' = 'keep') {
  const limits = { messagesPerMinute: 10_000, recipientsPerDay: 1_000_000, concurrentPerMailbox: concurrent };
  const accounts = couriers.map((courier) => contosoAccount(courier, { sentItems }));
  folder = await relayFolder(contosoConfig(simulator, { accounts, limits, queue: { retryBaseSeconds: 1 } }));
  bridge = Mailbridge.start(folder.configFile);
  let accepted = 0;
  const burst = new Burst({
    messages: count * messagesPerRound,
    connections: 4,
    port: async () => (await bridge).port(),
    onAccepted: (total) => {
      accepted = total;
    },
  });
  let over = false;
  const running = burst.run().finally(() => {
    over = true;
  });
  for (let round = 0; round < count && !over; round += 1) {
    stageCuts();
    const killAt = accepted + randomInt(1, messagesPerRound);
    await until('some more messages to be accepted', () => over || accepted >= killAt);
    const old = await bridge;
    // Somewhere between two events of its loop, or within one.
    await new Promise((resolve) => setTimeout(resolve, randomInt(60)));
    bridge = old.kill().then(() => Mailbridge.start(folder.configFile));
    await bridge;
  }
  await running;
  simulator.faults.clear();
  const list = async () => {
    const listed = Mailbridge.run(['queue', 'list', '--json', '--config', folder.configFile]);
    await listed.exit();
    return JSON.parse(listed.stdout) as unknown[];
  };
  await until('the queue to be empty', async () => (await list()).length === 0, 90_000);

  const copies = new Map<string, number>();
  for (const { messageId } of simulator.transport.journal.entries()) {
    copies.set(messageId, (copies.get(messageId) ?? 0) + 1);
  }
  const lost = burst.with('accepted').filter((number) => !copies.has(burstId(number)));
  const wrong = [...burst.with('refused'), ...burst.with('unsent')].filter((number) => copies.has(burstId(number)));
  const twice = [...copies].filter(([, times]) => times > 1).map(([id]) => id);
  console.log(
    `${count} rounds: ${burst.with('accepted').length} accepted, ${copies.size} delivered, ${twice.length} twice`,
  );
  return { lost, wrong, twice };
}

test(`killed and cut off ${rounds} times in a burst: nothing is lost, and nothing comes twice`, {
  timeout: 120_000 + rounds * 6000,
}, async () => {
  simulator = await startContoso({ graphConcurrentPerMailbox: 64, smtpConnectionsPerMailbox: 64 });
  simulator.transport.sentItems.set({ delayMs: 100 });
  expect(await killInRounds(rounds)).toEqual({ lost: [], wrong: [], twice: [] });
});

test('the same where copies are removed: none of them is left, and nothing else is touched', {
  timeout: 120_000 + rounds * 6000,
}, async () => {
  simulator = await startContoso({ graphConcurrentPerMailbox: 64, smtpConnectionsPerMailbox: 64 });
  simulator.transport.sentItems.set({ delayMs: 100 });
  const { directory } = simulator;
  // A person has sent them again, unchanged.
  const others = Array.from({ length: 20 }, (_, at) => `Message-ID: ${burstId(at * 10)}\r\n\r\nagain\r\n`);
  for (const content of others) directory.deliver(reports, 'Sent Items', Buffer.from(content));
  expect(await killInRounds(rounds, 'remove')).toEqual({ lost: [], wrong: [], twice: [] });
  const left = () => directory.messages(reports, 'Sent Items').map(({ content }) => String(content));
  await until('the copies to go', () => left().length === others.length, 60_000);
  expect(left()).toEqual(others);
});

test('where nobody may look into Sent Items, nothing is lost, and only what was under way may come twice', {
  timeout: 120_000,
}, async () => {
  simulator = await startContoso({ graphConcurrentPerMailbox: 64, smtpConnectionsPerMailbox: 64 });
  const { roles } = simulator.tenant.app;
  roles.graph = ['Mail.Send'];
  roles.exchange = ['SMTP.SendAsApp'];
  const few = 3;
  const { lost, wrong, twice } = await killInRounds(few);
  expect({ lost, wrong }).toEqual({ lost: [], wrong: [] });
  // For each round: what was under way when the bridge was killed, and the three of each kind that were cut off.
  expect(twice.length).toBeLessThanOrEqual(few * (concurrent + 6));
});
