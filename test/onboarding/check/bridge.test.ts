import { expect, test } from 'vitest';
import { BridgeError } from '../../../src/base/errors.ts';
import { type BridgeOperations, bridgeHops, type QueueFacts } from '../../../src/onboarding/check/hops/bridge.ts';
import { type HopResult, runHops } from '../../../src/onboarding/check/hops/hop.ts';

const megabyte = 1024 * 1024;
const quiet: QueueFacts = { queued: 0, oldestMs: undefined, held: 0, failed: 0, quarantined: 0, paused: [] };
const running: BridgeOperations = {
  isRunning: () => true,
  startCommand: 'systemctl start mailbridge',
  dataDir: '/data',
  listeners: [
    {
      target: 'smtp 127.0.0.1:25 (none)',
      peer: { service: 'smtp', host: '127.0.0.1', port: 25, security: 'none', names: [] },
    },
    { target: 'imap 127.0.0.1:0 (tls)', peer: undefined },
  ],
  tryListener: async () => ({ detail: 'answers' }),
  admin: { target: 'http://127.0.0.1:8025/health', health: async () => ({ detail: 'ok' }) },
  passwords: [],
  disk: () => ({ freeBytes: 20_480 * megabyte, minFreeBytes: 100 * megabyte }),
  queue: async () => quiet,
};

async function hopsOf(changes: Partial<BridgeOperations>, mustRun = false): Promise<HopResult[]> {
  const hops: HopResult[] = [];
  for await (const hop of runHops(undefined, bridgeHops({ ...running, ...changes }, { mustRun }))) hops.push(hop);
  return hops;
}

const told = (hops: readonly HopResult[]) => hops.map(({ hop, status, detail }) => [hop, status, detail]);

test('a bridge that runs: each port, the disk, the queue', async () => {
  expect(told(await hopsOf({}))).toEqual([
    ['bridge', 'ok', 'runs'],
    ['listener', 'ok', 'answers'],
    ['listener', 'skipped', 'port 0, any free one: its number is not known here'],
    ['admin', 'ok', 'ok'],
    ['disk', 'ok', '20 GB free on the disk of /data'],
    ['queue', 'ok', '0 waiting'],
  ]);
});

test('one that does not run is told, with what starts it, and is a failure only where it must run', async () => {
  const stopped = { isRunning: () => false, queue: async () => undefined };
  expect(told(await hopsOf(stopped))).toEqual([
    ['bridge', 'skipped', 'does not run; systemctl start mailbridge starts it'],
    ['disk', 'ok', '20 GB free on the disk of /data'],
    ['queue', 'ok', 'empty'],
  ]);
  expect((await hopsOf(stopped, true))[0]).toMatchObject({
    status: 'failed',
    code: 'bridge-not-running',
    remedy: 'Start it: systemctl start mailbridge',
  });
});

test('a data folder that cannot be looked into', async () => {
  const isRunning = () => {
    throw new BridgeError('data-folder-unusable', 'no');
  };
  expect((await hopsOf({ isRunning })).map(({ hop, status }) => [hop, status])).toEqual([
    ['bridge', 'failed'],
    ['disk', 'ok'],
    ['queue', 'ok'],
  ]);
});

test.each([
  [99, 'failed', undefined],
  [100, 'ok', 'Little space is left on the disk of /data; below 100 MB (queue.minFreeMegabytes) no mail is accepted.'],
  [611, 'ok', expect.stringContaining('Little space')],
  [612, 'ok', undefined],
])('%i MB free on the disk, of which 100 have to stay: %s, %s', async (free, status, warning) => {
  const hops = await hopsOf({ disk: () => ({ freeBytes: free * megabyte, minFreeBytes: 100 * megabyte }) });
  const disk = hops.find(({ hop }) => hop === 'disk');
  expect([disk?.status, disk?.warning]).toEqual([status, warning]);
  if (status === 'failed')
    expect(disk?.cause).toBe(
      'The disk of /data has 99 MB free; below 100 MB (queue.minFreeMegabytes) no mail is accepted.',
    );
});

test('where the queue is not on the disk, nothing has to stay free there', async () => {
  const hops = await hopsOf({ disk: () => ({ freeBytes: 5 * megabyte, minFreeBytes: undefined }) });
  const disk = hops.find(({ hop }) => hop === 'disk');
  expect(disk).toMatchObject({ status: 'ok', detail: '5 MB free on the disk of /data' });
  expect(disk).not.toHaveProperty('warning');
});

test('what waits, since when, what is damaged and what is paused', async () => {
  const facts = { queued: 3, oldestMs: 0, held: 1, failed: 2, quarantined: 4, paused: ['contoso/a@x is paused'] };
  const queue = (await hopsOf({ queue: async () => facts })).find(({ hop }) => hop === 'queue');
  expect(queue).toMatchObject({
    status: 'ok',
    detail: '3 waiting, the oldest since 1970-01-01T00:00:00Z, 1 held, 2 given up, 4 damaged',
    warning: 'contoso/a@x is paused There are damaged messages: mailbridge queue list --state quarantined',
  });
});
