import { connect } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { startBridge } from '../../src/app/bridge.ts';
import { Readiness } from '../../src/app/readiness.ts';
import { BridgeError } from '../../src/base/errors.ts';
import { loadConfig } from '../../src/config/load.ts';
import type { ConfigInput } from '../../src/config/schema.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { keptLog } from '../support/kept-log.ts';
import { contosoConfig, relayFolder, startContoso } from '../support/relay.ts';

/** A bridge, and the answers of its admin port. */
async function start(changes: Partial<ConfigInput>) {
  const simulator = await startContoso();
  onTestFinished(() => simulator.close());
  const folder = await relayFolder({
    ...contosoConfig(simulator, changes),
    admin: { port: 0 },
    dataDir: 'data',
  });
  onTestFinished(() => folder.remove());
  const { config } = await loadConfig(join(folder.path, 'config.json'), { env: {} });
  const { log, lines } = keptLog();
  const clock = new FakeClock(Date.now());
  const bridge = await startBridge(config, { log, clock });
  onTestFinished(() => bridge.stop());
  const admin = lines.find(({ msg }) => msg.startsWith('admin endpoint'))?.port;
  const get = async (path: string) => {
    const answer = await fetch(`http://127.0.0.1:${admin}${path}`);
    return { status: answer.status, body: (await answer.json()) as object };
  };
  return { bridge, clock, lines, get, port: bridge.listeners[0]?.port ?? 0 };
}

function isOpen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('data', () => resolve(true)).once('error', () => resolve(false));
    socket.once('data', () => socket.destroy());
  });
}

test('a bridge that stops says so at once, and accepts until balancers have noticed', async () => {
  const { bridge, clock, get, port, lines } = await start({ shutdown: { drainSeconds: 30, graceSeconds: 5 } });
  expect(await get('/readyz')).toEqual({ status: 200, body: { status: 'ready' } });
  const stopped = bridge.stop();
  const reasons = [{ code: 'draining', text: 'The bridge is about to stop.' }];
  expect(await get('/readyz')).toEqual({ status: 503, body: { status: 'not ready', reasons } });
  expect(await get('/health')).toEqual({ status: 200, body: { status: 'ok', ready: false, reasons } });
  expect(await get('/healthz')).toEqual({ status: 200, body: { status: 'ok' } });
  await clock.advance(29_999);
  expect(await isOpen(port)).toBe(true);
  expect(lines.filter(({ msg }) => msg.startsWith('draining'))).toMatchObject([{ seconds: 30 }]);
  await clock.advance(1);
  await stopped;
  expect(await isOpen(port)).toBe(false);
});

test('without drainSeconds a bridge stops at once', async () => {
  const { bridge, port, lines } = await start({});
  await bridge.stop();
  expect(await isOpen(port)).toBe(false);
  expect(lines.filter(({ msg }) => msg.startsWith('draining'))).toEqual([]);
});

test('a queue without room is a reason to send clients elsewhere, and fills no log', async () => {
  const { get, lines } = await start({ queue: { minFreeMegabytes: 1_000_000 } });
  for (let count = 0; count < 5; count++) {
    expect(await get('/readyz')).toMatchObject({ status: 503, body: { reasons: [{ code: 'queue-full' }] } });
  }
  expect(lines.filter(({ msg }) => msg.startsWith('queue'))).toEqual([]);
});

test('a queue that cannot be reached is one, without what only the log should know', async () => {
  const fails = (error: Error) =>
    new Readiness({
      assertRoom() {
        throw error;
      },
    });
  expect(await fails(new Error('connect postgres://u:p@db')).notReady()).toEqual([
    { code: 'queue-unreachable', text: 'The queue cannot be reached.' },
  ]);
  const full = fails(new BridgeError('queue-full', 'No room.'));
  full.drain();
  expect((await full.notReady()).map(({ code }) => code)).toEqual(['draining', 'queue-full']);
});
