import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { recordedHistory } from '../../../src/admin/history/recorder.ts';
import { silentLog } from '../../../src/base/log.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const event = { kind: 'accepted', account: 'a', mailbox: 'only', courier: 'graph', bytes: 1 } as const;

async function recorded(
  file = join(temporaryFolder(), 'history.json'),
  queued = async () => 4,
  clock = new FakeClock(),
) {
  const record = await recordedHistory({ file, clock, log: silentLog, queued });
  return { file, clock, ...record };
}

test('the queue is sampled every ten seconds, a queue that cannot be asked too', async () => {
  let isAway = false;
  const queued = async () => {
    if (isAway) throw new Error('away');
    return 4;
  };
  const { clock, history, start, close } = await recorded(undefined, queued);
  start();
  await vi.waitFor(() => expect(history.view('hour').series.queued.at(-1)).toBe(4));
  isAway = true;
  await clock.advance(10_000);
  await vi.waitFor(() => expect(history.view('hour').series.accepted.at(-1)).toBe(0));
  expect(history.view('hour').series.queued.slice(-2)).toEqual([4, null]);
  await close();
});

test('it is written for its owner alone, seldom and at the end, and read again', async () => {
  const first = await recorded();
  first.start();
  first.history.message(event);
  await first.clock.advance(600_000);
  await vi.waitFor(() => expect(statSync(first.file).mode & 0o777).toBe(0o600));
  first.history.message(event);
  await first.close();
  const again = await recorded(first.file, undefined, first.clock);
  expect(again.history.kept().tiers.week.reduce((sum, [, accepted]) => sum + accepted, 0)).toBe(2);
});

test('a damaged file is begun anew', async () => {
  const file = join(temporaryFolder(), 'history.json');
  writeFileSync(file, '{"version":1,');
  const { history, close } = await recorded(file);
  expect(history.kept().tiers.hour).toEqual([]);
  await close();
  expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({ version: 1 });
});
