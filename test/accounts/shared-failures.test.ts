import { expect, test } from 'vitest';
import { LoginThrottle, type LoginThrottleOptions } from '../../src/accounts/login-throttle.ts';
import { SharedFailures } from '../../src/accounts/shared-failures.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { keptLog } from '../support/kept-log.ts';
import { MemoryRecords } from '../support/shared-records.ts';

const blockMs = 300_000;
const here = '192.0.2.1';

function world(options: LoginThrottleOptions = {}) {
  const records = new MemoryRecords();
  const clock = new FakeClock();
  const { log, lines } = keptLog();
  const instance = () => {
    const failures = new SharedFailures({ records, clock, log, blockMs });
    const throttle = new LoginThrottle({ clock, blockMs, ...options, onNews: (news) => failures.tell(news) });
    failures.start(throttle);
    return {
      throttle,
      failures,
      guess: (times: number, name = 'guess', address = here, account = 'scanner') => {
        for (let time = 0; time < times; time++) throttle.failed({ address, account }, `${name} ${time}`);
      },
      blocked: (address = here, account = 'scanner') => throttle.blocked({ address, account }),
    };
  };
  return { records, clock, lines, instance };
}

test('who is blocked by one instance is blocked by all within two seconds, for as long, and not longer', async () => {
  const { clock, instance } = world();
  const [one, other] = [instance(), instance()];
  one.guess(10);
  expect([one.blocked()?.forMs, other.blocked()]).toEqual([blockMs, undefined]);
  await clock.advance(1_999);
  expect(other.blocked()).toEqual({ forMs: blockMs - 1_999, scope: 'address' });
  expect(other.blocked(here, 'erp')).toBeUndefined();
  expect(other.blocked('192.0.2.2')).toBeUndefined();
  const late = instance();
  await clock.advance(10);
  expect(late.blocked()?.forMs).toBe(one.blocked()?.forMs);
  await clock.advance(blockMs);
  expect([one.blocked(), other.blocked(), late.blocked()]).toEqual([undefined, undefined, undefined]);
});

test('an address and an account are blocked everywhere as a pair of them is', async () => {
  const { clock, instance } = world({ failuresPerAddress: 20, failuresPerAccount: 15 });
  const [one, other] = [instance(), instance()];
  for (let name = 0; name < 20; name++) one.guess(1, 'guess', here, `name ${name}`);
  for (let from = 1; from <= 15; from++) one.guess(1, 'guess', `198.51.100.${from}`, 'erp');
  await clock.advance(2_000);
  expect(other.blocked(here, 'anybody')).toMatchObject({ scope: 'address' });
  expect(other.blocked('203.0.113.9', 'erp')).toMatchObject({ scope: 'account' });
});

test('who goes from one instance to the next when half is spent does not begin anew', async () => {
  const { clock, instance } = world();
  const instances = [instance(), instance(), instance()];
  let guesses = 0;
  for (const each of instances) {
    while (each.blocked() === undefined && guesses < 100) {
      each.guess(1, `guess ${guesses++}`);
      if (guesses % 5 === 0) break;
    }
    await clock.advance(2_000);
  }
  // Ten of one instance; the third learned of the block imposed at the second.
  expect(guesses).toBe(10);
  expect(instances.map((each) => each.blocked() !== undefined)).toEqual([true, true, true]);
});

test('who tries all instances at once has a few guesses more, and not as many on each', async () => {
  const { clock, instance } = world();
  const instances = [instance(), instance(), instance()];
  let guesses = 0;
  const guess = (at: number) => instances[at]!.guess(1, `guess ${guesses++}`);
  for (let round = 0; round < 4; round++) for (const at of [0, 1, 2]) guess(at);
  await clock.advance(2_000);
  guess(0);
  await clock.advance(2_000);
  expect(instances.map((each) => each.blocked())).toEqual([undefined, undefined, undefined]);
  guess(1);
  expect(instances[1]!.blocked()).toBeDefined();
  await clock.advance(2_000);
  expect(guesses).toBe(14);
  expect(instances.map((each) => each.blocked() !== undefined)).toEqual([true, true, true]);
});

test('a guess costs no write: half of the failures cost one, and the block another', async () => {
  const { clock, instance, records } = world();
  const one = instance();
  one.guess(4);
  await clock.advance(5_000);
  expect(records.writes).toBe(0);
  one.guess(5, 'more');
  await clock.advance(5_000);
  expect(records.writes).toBe(1);
  one.guess(1, 'the last');
  await clock.advance(5_000);
  expect(records.writes).toBe(2);
  instance();
  await clock.advance(20_000);
  expect(records.writes).toBe(2);
});

test('many who guess cost ten writes a round, and those that are blocked come first', async () => {
  const { clock, instance, records } = world();
  const one = instance();
  await clock.advance(100);
  for (let from = 0; from < 250; from++) one.guess(5, 'guess', `10.0.${from}.1`, `name ${from}`);
  await clock.advance(1_300);
  expect(records.writes).toBe(10);
  await clock.advance(1_500);
  expect(records.writes).toBe(20);
  one.guess(10, 'guess', here, 'job');
  await clock.advance(1_500);
  expect(records.writes).toBe(30);
  const found = await records.list('login-failures', clock.now());
  expect([...found.keys()].filter((key) => key.startsWith('["blocked"'))).toEqual([
    expect.stringContaining('["blocked","pair","192.0.2.1 job",'),
  ]);
  // Of the 250, the store has those that were recorded, and no more were recorded.
  await clock.advance(60_000);
  expect(records.writes).toBeLessThanOrEqual(202);
});

test('of many pairs an instance tells five hundred at a time, and of whole accounts nevertheless', async () => {
  const { clock, instance, records } = world({ failures: 1, failuresPerAccount: 700 });
  const one = instance();
  const told = async (of: string) => {
    const found = await records.list('login-failures', clock.now());
    return [...found.keys()].filter((key) => key.startsWith(`["blocked","${of}"`)).length;
  };
  for (let from = 0; from < 700; from++) {
    one.guess(1, 'guess', `10.${Math.floor(from / 250)}.${from % 250}.1`);
    if (from % 8 === 0) await clock.advance(1_500);
  }
  await clock.advance(3_000);
  expect([await told('pair'), await told('account')]).toEqual([500, 1]);
  await clock.advance(blockMs);
  one.guess(1, 'guess', '203.0.113.4', 'erp');
  await clock.advance(1_500);
  expect(await told('pair')).toBe(1);
});

test('a name of any characters is told, at its length, and comes back as it was', async () => {
  const { clock, instance, records } = world();
  const [one, other] = [instance(), instance()];
  const name = `\u0000\ud800 ${'x'.repeat(30)}`;
  one.guess(10, 'guess', here, name);
  await clock.advance(2_000);
  expect(other.blocked(here, name)).toBeDefined();
  const [key = ''] = (await records.list('login-failures', clock.now())).keys();
  expect(key).toMatch(/^[\x20-\x7e]+$/);
  expect(key.length).toBeLessThan(1_000);
});

test('guesses where the account is at home block nobody elsewhere', async () => {
  const { clock, instance } = world();
  const [one, other] = [instance(), instance()];
  one.throttle.succeeded({ address: here, account: 'scanner' });
  one.guess(50);
  await clock.advance(2_000);
  expect(other.blocked()).toBeUndefined();
});

test('an account that logged in from an address lately is not blocked there by what others tell', async () => {
  const { clock, instance } = world();
  const [one, other] = [instance(), instance()];
  other.throttle.succeeded({ address: here, account: 'scanner' });
  one.guess(10);
  await clock.advance(2_000);
  expect(other.blocked()).toBeUndefined();
});

test('without the store each goes on by itself, which is told once, and shares again when it is back', async () => {
  const { clock, instance, records, lines } = world();
  const [one, other] = [instance(), instance()];
  records.failure = new Error('connect ECONNREFUSED 192.0.2.9:5432');
  one.guess(10);
  await clock.advance(60_000);
  expect(one.blocked()).toBeDefined();
  expect(other.blocked()).toBeUndefined();
  // One line from each instance.
  expect(lines.filter(({ msg }) => msg.includes('are not shared for now'))).toHaveLength(2);
  records.failure = undefined;
  await clock.advance(2_000);
  expect(lines.filter(({ msg }) => msg.includes('shared again'))).toHaveLength(2);
  other.guess(10, 'guess', '192.0.2.7');
  await clock.advance(2_000);
  expect(one.blocked('192.0.2.7')).toBeDefined();
});

test('what another writes there is bounded: a block lasts no longer than here, and rubbish blocks nobody', async () => {
  const { clock, instance, records } = world();
  const put = (key: string, value: unknown) => records.put('login-failures', key, JSON.stringify(value));
  const blockedUntilMs = clock.now() + 1e12;
  const state = { by: 'another', count: 10, lastFailureMs: clock.now() + 1e12, blockedUntilMs };
  await put('1', { of: 'address', key: here, ...state });
  for (const rubbish of [null, [], 'x', { of: 'all', key: here, ...state }, { of: 'account', key: 'erp', by: 'x' }]) {
    await put(JSON.stringify(rubbish), rubbish);
  }
  const one = instance();
  await clock.advance(10);
  expect(one.blocked()?.forMs).toBeLessThanOrEqual(blockMs);
  expect(one.blocked('192.0.2.2', 'erp')).toBeUndefined();
});

test('nothing is asked any more after the stop', async () => {
  const { clock, instance, records } = world();
  const one = instance();
  await clock.advance(10);
  await one.failures.stop();
  const calls: string[] = [];
  records.onCall = (call) => calls.push(call);
  await clock.advance(60_000);
  expect(calls).toEqual([]);
});

test('a stop waits for what the store has been asked, and nothing more is asked', async () => {
  const { clock, instance, records } = world();
  const one = instance();
  await clock.advance(10);
  const calls: string[] = [];
  records.onCall = (call) => calls.push(call);
  const { promise, resolve } = Promise.withResolvers<void>();
  records.answered = promise;
  await clock.advance(1_500);
  expect(calls).toEqual(['list login-failures']);
  one.guess(10);
  let isStopped = false;
  const stopped = one.failures.stop().then(() => {
    isStopped = true;
  });
  await clock.advance(2_000);
  expect(isStopped).toBe(false);
  resolve();
  await stopped;
  await clock.advance(2_000);
  expect(calls).toEqual(['list login-failures']);
});
