import { Writable } from 'node:stream';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { openLog } from '../../src/base/log.ts';
import { logRepeated } from '../../src/base/repeated-lines.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
});

afterEach(() => {
  vi.useRealTimers();
});

async function keptLog() {
  const lines: { msg: string; client: string; times?: number }[] = [];
  const destination = new Writable({
    write(chunk: Buffer, _encoding, done) {
      for (const line of chunk.toString().trim().split('\n')) lines.push(JSON.parse(line));
      done();
    },
  });
  return { log: openLog({ level: 'info', format: 'json', destination }), lines };
}

test('a stranger who is rejected a thousand times fills no log: one line a minute tells how often', async () => {
  const { log, lines } = await keptLog();
  const reject = (client: string) => logRepeated(log, 'warn', client, { client }, 'rejected');
  for (let count = 0; count < 1_000; count++) reject('192.0.2.1');
  reject('192.0.2.2');
  expect(lines.map(({ client, times }) => [client, times])).toEqual([
    ['192.0.2.1', undefined],
    ['192.0.2.2', undefined],
  ]);
  vi.advanceTimersByTime(60_000);
  expect(lines.slice(2)).toMatchObject([{ msg: 'rejected', client: '192.0.2.1', times: 999 }]);
  reject('192.0.2.1');
  reject('192.0.2.2');
  expect(lines.slice(3)).toMatchObject([{ client: '192.0.2.2' }]);
  vi.advanceTimersByTime(60_000);
  expect(lines.slice(4)).toMatchObject([{ client: '192.0.2.1' }]);
  vi.advanceTimersByTime(60_000);
  expect([lines.length, vi.getTimerCount()]).toEqual([5, 0]);
});

test('strangers from any number of addresses are kept in mind by the thousand, and none is left out', async () => {
  const { log, lines } = await keptLog();
  for (const round of [1, 2]) {
    for (let client = 0; client < 3_000; client++) {
      logRepeated(log, 'info', `${client}`, { client: `${client}` }, `rejected ${round}`);
      logRepeated(log, 'info', `${client}`, { client: `${client}` }, `rejected ${round}`);
    }
  }
  expect(vi.getTimerCount()).toBe(1_000);
  vi.advanceTimersByTime(60_000);
  expect(lines.length).toBe(12_000);
  vi.advanceTimersByTime(60_000);
  expect([lines.length, vi.getTimerCount()]).toEqual([12_000, 0]);
});
