import { expect, test } from 'vitest';
import { watchSignIns } from '../../src/app/sign-in-watch.ts';
import { BridgeError } from '../../src/base/errors.ts';
import { silentLog } from '../../src/base/log.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { keptLog } from '../support/kept-log.ts';

test('a sign-in file that cannot be read ends neither the watch nor the bridge', async () => {
  const { log, lines } = keptLog();
  const clock = new FakeClock();
  let reads = 0;
  let signedInAtMs = 1;
  const store = {
    async read() {
      reads++;
      if (reads % 2 === 1) throw Object.assign(new Error('too many open files'), { code: 'EMFILE' });
      return { signedInAtMs };
    },
  };
  let signIns = 0;
  const end = watchSignIns({
    connections: () => [{ name: 'contoso', person: { store } as never }],
    onSignIn: async () => {
      signIns++;
      if (signIns === 1) throw new Error('the store is busy');
    },
    clock,
    log,
  });
  await clock.advance(25_000);
  signedInAtMs = 2;
  await clock.advance(40_000);
  expect(signIns).toBe(1);
  signedInAtMs = 3;
  await clock.advance(40_000);
  expect(signIns).toBe(2);
  expect(lines.filter((line) => JSON.stringify(line).includes('too many open files')).length).toBeGreaterThan(3);
  end();
  const before = reads;
  await clock.advance(60_000);
  expect(reads).toBe(before);
});

test('in a store that instances share it is looked for every two seconds; one that cannot be reached is no sign-in', async () => {
  const clock = new FakeClock();
  let isReachable = true;
  let signedInAtMs = 1;
  const store = {
    async read() {
      if (!isReachable) throw new BridgeError('shared-store-unavailable', 'It cannot be reached.');
      return { signedInAtMs };
    },
  };
  let signIns = 0;
  const end = watchSignIns({
    connections: () => [{ name: 'contoso', person: { store } as never }],
    onSignIn: async () => void signIns++,
    isShared: true,
    clock,
    log: silentLog,
  });
  await clock.advance(5_000);
  signedInAtMs = 2;
  await clock.advance(2_000);
  expect(signIns).toBe(1);
  isReachable = false;
  await clock.advance(10_000);
  isReachable = true;
  await clock.advance(10_000);
  expect(signIns).toBe(1);
  isReachable = false;
  await clock.advance(10_000);
  signedInAtMs = 3;
  isReachable = true;
  await clock.advance(2_000);
  expect(signIns).toBe(2);
  end();
});
