import { expect, test } from 'vitest';
import { AppPasswordRecords } from '../../../../src/accounts/sources/app-passwords/records/store.ts';
import { makeSecret } from '../../../../src/accounts/sources/app-passwords/secret.ts';
import { AppPasswords } from '../../../../src/accounts/sources/app-passwords/source.ts';
import { silentLog } from '../../../../src/base/log.ts';
import { FakeClock } from '../../../support/fake-clock.ts';
import { keptLog } from '../../../support/kept-log.ts';
import { noteSecret } from '../../../support/secret-search/record.ts';
import { MemoryRecords } from '../../../support/shared-records.ts';

async function world() {
  const records = new MemoryRecords();
  const clock = new FakeClock();
  const { log, lines } = keptLog();
  const store = new AppPasswordRecords(records);
  const password = await store.add('scanner', 'floor 1', new Date());
  noteSecret('user password', password);
  const source = new AppPasswords({ dataDir: 'nowhere', shared: records, clock, log });
  const verdict = async (given: string) => (await source.verify('scanner', given)).verdict;
  return { records, clock, lines, store, password, source, verdict };
}

test('no password is in the store, nor anything that opens with less than all of it', async () => {
  const { records, password } = await world();
  expect(records.text()).not.toContain(password);
  expect(records.text()).not.toContain(password.replaceAll('-', ''));
  expect(records.text()).not.toContain(password.slice(0, 9));
});

test('a login asks the store once a second at most, for one small record', async () => {
  const { records, clock, password, verdict } = await world();
  const calls: string[] = [];
  expect(await verdict(password)).toBe('right');
  records.onCall = (call) => calls.push(call);
  for (let login = 0; login < 50; login++) await verdict(password);
  expect(calls).toEqual([]);
  await clock.advance(1_000);
  for (let login = 0; login < 50; login++) await verdict(password);
  expect(calls).toEqual(['get app-password-change all']);
});

test('a change that nobody told of is found within half a minute', async () => {
  const { records, clock, password, verdict } = await world();
  expect(await verdict(password)).toBe('right');
  await records.delete('app-password', 'scanner\nfloor 1');
  await clock.advance(30_000);
  expect(await verdict(password)).toBe('wrong');
});

test('without the store, who was known logs in for ten minutes, and nobody is told that a password is wrong', async () => {
  const { records, clock, password, source, verdict, lines } = await world();
  expect(await verdict(password)).toBe('right');
  expect(await verdict(makeSecret())).toBe('wrong');
  expect(source.isUnavailable).toBe(false);
  records.failure = new Error('connect ECONNREFUSED 192.0.2.9:5432');
  for (let minute = 0; minute < 9; minute++) {
    await clock.advance(60_000);
    expect(await verdict(password)).toBe('right');
    expect(await verdict(makeSecret())).toBe('unavailable');
    expect(source.isUnavailable).toBe(true);
  }
  await clock.advance(60_000);
  expect(await source.verify('scanner', password)).toMatchObject({
    verdict: 'unavailable',
    error: {
      code: 'shared-store-unavailable',
      message:
        'App passwords are in the store that the instances share, which cannot be used now (connect ECONNREFUSED 192.0.2.9:5432).',
    },
  });
  // One when it began, none for each login; also the uses that could not be recorded.
  expect(lines.filter(({ msg }) => msg.includes('using those in memory'))).toHaveLength(1);
  records.failure = undefined;
  await clock.advance(1_000);
  expect(await verdict(password)).toBe('right');
  expect(await verdict(makeSecret())).toBe('wrong');
  expect(lines.filter(({ msg }) => msg.includes('can be read again'))).toHaveLength(1);
});

test('a store that does not answer holds up one login by two seconds, and then none', async () => {
  const { records, clock, password, verdict } = await world();
  expect(await verdict(password)).toBe('right');
  const answer = Promise.withResolvers<void>();
  records.answered = answer.promise;
  await clock.advance(1_000);
  let told: string | undefined;
  void verdict(password).then((verdictTold) => {
    told = verdictTold;
  });
  await clock.advance(1_900);
  expect(told).toBeUndefined();
  await clock.advance(200);
  expect(told).toBe('right');
  expect(await verdict(password)).toBe('right');
  expect(await verdict(makeSecret())).toBe('unavailable');
  answer.resolve();
  await clock.advance(0);
  expect(await verdict(makeSecret())).toBe('wrong');
});

test('a damaged record opens nothing, the others do, and it is told of once', async () => {
  const { records, clock, store, password, verdict, lines } = await world();
  const other = await store.add('scanner', 'floor 2', new Date());
  noteSecret('user password', other);
  await records.put('app-password', 'scanner\nfloor 2', '{"version":1}');
  expect([await verdict(password), await verdict(other)]).toEqual(['right', 'wrong']);
  for (let minute = 0; minute < 3; minute++) {
    await clock.advance(60_000);
    await verdict(password);
  }
  expect(lines.filter(({ msg }) => msg.includes('is damaged'))).toHaveLength(1);
  await expect(store.list()).rejects.toMatchObject({ code: 'app-passwords-unusable' });
});

test('commands say that the store cannot be reached, and have changed nothing', async () => {
  const { records, store } = await world();
  records.failure = new Error('connect ECONNREFUSED 192.0.2.9:5432');
  for (const use of [
    () => store.list(),
    () => store.add('scanner', 'x', new Date()),
    () => store.rotate('scanner', 'floor 1', new Date()),
    () => store.remove('scanner', 'floor 1'),
  ]) {
    await expect(use()).rejects.toMatchObject({ code: 'shared-store-unavailable', kind: 'temporary' });
  }
  records.failure = undefined;
  expect((await store.list()).map(({ name }) => name)).toEqual(['floor 1']);
});

test('of two instances that note a use, the later one stays', async () => {
  const { records, clock, store, password } = await world();
  const log = silentLog;
  const [one, other] = [0, 1].map(() => new AppPasswords({ dataDir: 'nowhere', shared: records, clock, log }));
  await one!.verify('scanner', password);
  await clock.advance(400_000);
  await other!.verify('scanner', password);
  const later = new Date(clock.now()).toISOString();
  await other!.close();
  await one!.close();
  expect((await store.list())[0]?.lastUsedAt).toBe(later);
});
