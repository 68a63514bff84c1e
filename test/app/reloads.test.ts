import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, expect, onTestFinished, test, vi } from 'vitest';
import { type Bridge, startBridge } from '../../src/app/bridge.ts';
import { Upstream } from '../../src/app/connections/upstream.ts';
import { type Clock, systemClock } from '../../src/base/clock.ts';
import { silentLog } from '../../src/base/log.ts';
import { loadConfig } from '../../src/config/load.ts';
import type { ConfigInput } from '../../src/config/schema.ts';
import type { Simulator } from '../../src/simulator/simulator.ts';
import {
  alice,
  arrived,
  contosoAccount,
  contosoConfig,
  password,
  relayFolder,
  reports,
  startContoso,
  submissions,
  until,
} from '../support/relay.ts';
import { SmtpDialogue } from '../support/smtp-dialogue.ts';

afterEach(() => vi.restoreAllMocks());

/** A bridge whose connections are counted. */
async function world(changes: Partial<ConfigInput> = {}, clock: Clock = systemClock) {
  const opened: Upstream[] = [];
  const closed: Upstream[] = [];
  const { open } = Upstream;
  vi.spyOn(Upstream, 'open').mockImplementation(async (...options) => {
    const upstream = await open.apply(Upstream, options);
    opened.push(upstream);
    return upstream;
  });
  const { close } = Upstream.prototype;
  vi.spyOn(Upstream.prototype, 'close').mockImplementation(async function (this: Upstream) {
    await close.call(this);
    closed.push(this);
  });
  const simulator = await startContoso();
  const folder = await relayFolder(contosoConfig(simulator, changes));
  const load = async () => (await loadConfig(folder.configFile, { env: {} })).config;
  const bridge = await startBridge(await load(), { log: silentLog, clock });
  onTestFinished(async () => {
    await bridge.stop();
    await simulator.close();
    await folder.remove();
  });
  return { simulator, folder, bridge, load, opened, closed };
}

async function send(bridge: Bridge, username: string, id: string): Promise<void> {
  const client = await SmtpDialogue.open(bridge.listeners[0]?.port ?? 0);
  const credentials = Buffer.from(`\0${username}\0${password}`).toString('base64');
  await client.pipeline('EHLO client.test', `AUTH PLAIN ${credentials}`);
  await client.pipeline(`MAIL FROM:<${reports}>`, `RCPT TO:<${alice}>`);
  expect(await client.message(`From: ${reports}\r\nMessage-ID: ${id}\r\n\r\ntext\r\n`)).toMatch(/^250/);
  client.destroy();
}

/** Resolves once the next request to Graph has begun to wait. */
async function slowGraph(simulator: Simulator): Promise<() => Promise<unknown>> {
  simulator.faults.add({ target: 'graph', at: 'sendMail', kind: 'delay', delayMs: 1500 });
  return () => until('the delivery to be under way', () => simulator.faults.list().length === 0);
}

test('reloads that overlap are done one after the other, and leave no connection open', async () => {
  const { bridge, load, opened, closed } = await world();
  const config = await load();
  await Promise.all([1, 2, 3, 4].map(() => bridge.reload(config)));
  await bridge.stop();
  expect(opened).toHaveLength(5);
  expect(new Set(closed)).toEqual(new Set(opened));
});

test('a stop during a reload leaves no connection open, and a reload after it opens none', async () => {
  const { bridge, load, opened, closed } = await world();
  const config = await load();
  const reloaded = bridge.reload(config);
  await bridge.stop();
  await reloaded;
  await bridge.reload(config);
  expect(new Set(closed)).toEqual(new Set(opened));
});

test('a reload that fails for a certificate leaves no connection open', async () => {
  const { bridge, folder, simulator, opened, closed, load } = await world();
  const files = { cert: join(folder.path, 'no.crt'), key: join(folder.path, 'no.key') };
  await writeFile(files.cert, 'x');
  await writeFile(files.key, 'x');
  const good = await load();
  await folder.configure(contosoConfig(simulator, { tls: files }));
  await expect(load().then((config) => bridge.reload(config))).rejects.toThrow();
  await bridge.reload(good);
  await bridge.stop();
  expect(new Set(closed)).toEqual(new Set(opened));
});

test('a delivery under way at a reload ends over the connection it began with, and is made once', async () => {
  const { bridge, simulator, load } = await world({ accounts: [contosoAccount('graph')] });
  const underWay = await slowGraph(simulator);
  await send(bridge, 'graph', '<under-way@contoso.com>');
  await underWay();
  await bridge.reload(await load());
  await arrived(simulator, alice, 'INBOX', '<under-way@contoso.com>');
  expect(submissions(simulator, '<under-way@contoso.com>')).toHaveLength(1);
  expect(simulator.faults.list()).toEqual([]);
});

test('a reload is done when the idle SMTP connections of before are gone, and not earlier', async () => {
  const { bridge, load } = await world();
  const left: Upstream[] = [];
  const { leaveIdle } = Upstream.prototype;
  vi.spyOn(Upstream.prototype, 'leaveIdle').mockImplementation(async function (this: Upstream) {
    await leaveIdle.call(this);
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
    left.push(this);
  });
  await bridge.reload(await load());
  expect(left.length).toBeGreaterThan(0);
});

test('drafts that an upload cut short are looked for every day, in each mailbox that sends by Graph', async () => {
  const everyDay: (() => void)[] = [];
  const dayMs = 24 * 3_600_000;
  const clock: Clock = {
    now: () => systemClock.now(),
    after(delayMs, callback) {
      if (delayMs !== dayMs) return systemClock.after(delayMs, callback);
      everyDay.push(callback);
      return () => {};
    },
  };
  const swept = vi.spyOn(Upstream.prototype, 'sweepDrafts').mockResolvedValue();
  await world({}, clock);
  for (const day of [1, 2, 3]) {
    expect(everyDay).toHaveLength(day);
    everyDay.at(-1)?.();
    expect(swept.mock.calls.map(([mailbox]) => mailbox)).toEqual(Array(day).fill(reports));
  }
});
