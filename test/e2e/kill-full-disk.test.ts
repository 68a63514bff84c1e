import { randomInt } from 'node:crypto';
import { statSync, truncateSync, writeFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { freeOctets } from '../../src/queue/stores/disk-full.ts';
import type { Simulator } from '../../src/simulator/simulator.ts';
import { Mailbridge } from '../support/process.ts';
import { alice, bodyOf, contosoConfig, type RelayFolder, relayFolder, startContoso, until } from '../support/relay.ts';
import { Burst, burstBody, burstId } from '../support/relay-burst.ts';
import { smallDisk } from '../support/small-disk.ts';

const megabyte = 1024 * 1024;

let simulator: Simulator;
let folder: RelayFolder;
let bridge: Promise<Mailbridge> | undefined;

afterEach(async () => {
  await (await bridge)?.kill();
  await simulator?.close();
  await folder?.remove();
});

/** Microsoft refuses everything: all accepted mail stays in the queue. */
function refuseAll(): void {
  const always = 1_000_000;
  simulator.faults.add({ target: 'graph', at: 'sendMail', kind: 'status', status: 503 }, always);
  simulator.faults.add(
    { target: 'smtp', at: 'mail', kind: 'reply', status: 451, code: '4.3.2', text: 'Later' },
    always,
  );
}

async function killAndRestart(makeRoom = () => {}): Promise<void> {
  const old = await bridge;
  bridge = old?.kill().then(() => restarted(makeRoom));
  await bridge;
}

/**
 * The database may need some room to open after a kill; an administrator who reads why it does not start makes some.
 */
async function restarted(makeRoom: () => void): Promise<Mailbridge> {
  try {
    return await Mailbridge.start(folder.configFile);
  } catch (error) {
    if (!/database or disk is full/.test(`${error}`)) throw error;
    makeRoom();
    return await Mailbridge.start(folder.configFile);
  }
}

/** Numbers that the bridge refuses however much room there is. */
const isNeverTaken = (number: number) => number % 40 === 9 || number % 25 === 7;

test('killed with SIGKILL on a full disk: what got 250 arrives once and whole, what got 452 does not (on a disk of its own)', {
  timeout: 180_000,
}, async (context) => {
  const disk = smallDisk(context, 64);
  simulator = await startContoso({ graphConcurrentPerMailbox: 64, smtpConnectionsPerMailbox: 64 });
  refuseAll();
  folder = await relayFolder(
    contosoConfig(simulator, {
      dataDir: join(disk.folder, 'data'),
      queue: { retryBaseSeconds: 1, minFreeMegabytes: 0 },
      limits: { messagesPerMinute: 10_000, recipientsPerDay: 1_000_000, concurrentPerMailbox: 16 },
    }),
  );
  bridge = Mailbridge.start(folder.configFile);
  await bridge;
  const filler = join(disk.folder, 'filler-at-first');
  writeFileSync(filler, Buffer.alloc(freeOctets(disk.folder) - 5 * megabyte));

  const burst = new Burst({
    messages: 3000,
    connections: 6,
    waitsAfterRefusalMs: 20,
    port: async () => (await bridge)?.port() ?? 0,
  });
  let isOver = false;
  const running = burst.run().finally(() => {
    isOver = true;
  });
  const refusedForRoom = () => burst.with('refused').filter((number) => !isNeverTaken(number)).length;
  const killAt = randomInt(20, 200);
  const isFull = () => isOver || refusedForRoom() > 0;
  await until('some messages to be accepted', () => isFull() || burst.with('accepted').length >= killAt);
  await killAndRestart();
  for (let round = 0; round < 4; round += 1) {
    const most = refusedForRoom() + randomInt(60);
    await until('the disk to be full', () => isOver || refusedForRoom() > most, 60_000);
    await killAndRestart(() => truncateSync(filler, statSync(filler).size - megabyte));
  }
  const refusedBefore = refusedForRoom();
  disk.relieve();
  simulator.faults.clear();
  await killAndRestart();
  await running;

  const accepted = burst.with('accepted');
  await until(
    'the queue to be empty',
    async () => {
      const list = Mailbridge.run(['queue', 'list', '--json', '--config', folder.configFile]);
      return (await list.exit()).code === 0 && (JSON.parse(list.stdout) as unknown[]).length === 0;
    },
    90_000,
  );
  const copies = new Map<string, number>();
  for (const { messageId } of simulator.transport.journal.entries()) {
    copies.set(messageId, (copies.get(messageId) ?? 0) + 1);
  }
  console.log(
    `${accepted.length} accepted, ${refusedBefore} refused for want of room, ${burst.with('unanswered').length} unanswered; ${copies.size} delivered`,
  );
  expect(refusedBefore).toBeGreaterThan(0);
  expect(accepted.filter((number) => !copies.has(burstId(number)))).toEqual([]);
  expect([...copies].filter(([, times]) => times > 1)).toEqual([]);
  const never = [...burst.with('refused'), ...burst.with('unsent')];
  expect(never.filter((number) => copies.has(burstId(number)))).toEqual([]);
  for (const { content } of simulator.directory.messages(alice, 'INBOX')) {
    const number = Number(/^Message-ID: <burst-(\d+)@/m.exec(content.toString('latin1'))?.[1]);
    expect(bodyOf(content).toString() === burstBody(number), `body of ${number}`).toBe(true);
  }
  expect(await readdir(join(disk.folder, 'data', 'queue', 'bodies'))).toEqual([]);
});
