import { describe, expect, test, vi } from 'vitest';
import { openAppPasswords } from '../../../../src/accounts/sources/app-passwords/open.ts';
import { AppPasswords } from '../../../../src/accounts/sources/app-passwords/source.ts';
import type { AppPasswordStore } from '../../../../src/accounts/sources/app-passwords/store.ts';
import { silentLog } from '../../../../src/base/log.ts';
import type { RecordTable } from '../../../../src/base/record-table.ts';
import { FakeClock } from '../../../support/fake-clock.ts';
import { noteSecret } from '../../../support/secret-search/record.ts';
import { MemoryRecords } from '../../../support/shared-records.ts';
import { temporaryFolder } from '../../../support/temporary-folder.ts';

const places: Readonly<Record<string, () => { readonly dataDir: string; readonly shared?: RecordTable }>> = {
  'in a file': () => ({ dataDir: temporaryFolder() }),
  'in records': () => ({ dataDir: 'nowhere', shared: new MemoryRecords() }),
};

describe.each(Object.entries(places))('app passwords %s', (_, newPlace) => {
  function world() {
    const place = newPlace();
    const clock = new FakeClock(Date.now());
    const store = openAppPasswords(place.dataDir, place.shared);
    const bridge = () => new AppPasswords({ ...place, clock, log: silentLog });
    const source = bridge();
    const add = async (login: string, name: string) => {
      const password = await store.add(login, name, new Date(clock.now()));
      noteSecret('user password', password);
      return password;
    };
    /** What a bridge that has just looked, and had no reason to, says two seconds later. */
    const verdict = async (login: string, password: string, at = source) => {
      await clock.advance(2_000);
      return (await at.verify(login, password)).verdict;
    };
    return { place, clock, store, bridge, source, add, verdict };
  }

  test('made, replaced and ended while a bridge runs, they hold within two seconds', async () => {
    const { add, verdict, store } = world();
    const first = await add('scanner', 'floor 1');
    const second = await add('scanner', 'floor 2');
    expect([await verdict('scanner', first), await verdict('scanner', second)]).toEqual(['right', 'right']);
    expect(await verdict('erp', first)).toBe('wrong');
    const after = await store.rotate('scanner', 'FLOOR 1', new Date());
    noteSecret('user password', after);
    expect([await verdict('scanner', first), await verdict('scanner', after)]).toEqual(['wrong', 'right']);
    await store.remove('scanner', 'floor 2');
    expect([await verdict('scanner', second), await verdict('scanner', after)]).toEqual(['wrong', 'right']);
  });

  test('what is there twice or not at all is said', async () => {
    const { add, store } = world();
    await add('scanner', 'floor 1');
    await expect(store.add('scanner', 'Floor 1', new Date())).rejects.toMatchObject({
      code: 'app-password-exists',
      message: 'scanner already has an app password "Floor 1".',
    });
    await expect(store.remove('scanner', 'floor 9')).rejects.toMatchObject({
      code: 'app-password-unknown',
      message: 'scanner has no app password "floor 9". It has "floor 1".',
    });
    await expect(store.rotate('erp', 'job', new Date())).rejects.toThrow('It has none.');
  });

  test('commands at the same time lose nothing', async () => {
    const { store, place } = world();
    const others = Array.from({ length: 12 }, () => openAppPasswords(place.dataDir, place.shared));
    await Promise.all(others.map((each, at) => each.add('scanner', `device ${at}`, new Date())));
    expect((await store.list()).map(({ name }) => name)).toEqual(
      others.map((__, at) => `device ${at}`).toSorted((a, b) => a.localeCompare(b)),
    );
    const outcomes = await Promise.allSettled(others.map((each) => each.add('erp', 'job', new Date())));
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    await Promise.all(others.map((each) => each.rotate('erp', 'job', new Date())));
    expect(await store.list()).toHaveLength(13);
  });

  test('the last use is told, of whichever bridge has seen it, and not once for each login', async () => {
    const { add, verdict, store, clock, source, bridge, place } = world();
    const password = await add('scanner', 'floor 1');
    await add('scanner', 'floor 2');
    const lastUse = async () => (await store.list())[0]?.lastUsedAt;
    expect(await verdict('scanner', password)).toBe('right');
    const first = new Date(clock.now()).toISOString();
    await clock.advance(6_000);
    await vi.waitFor(async () => expect(await lastUse()).toBe(first));
    const writes = () => (place.shared instanceof MemoryRecords ? place.shared.writes : 0);
    const before = writes();
    for (let login = 0; login < 20; login++) await verdict('scanner', password);
    await clock.advance(6_000);
    expect([await lastUse(), writes()]).toEqual([first, before]);
    await clock.advance(300_000);
    const other = bridge();
    expect(await verdict('scanner', password, other)).toBe('right');
    const later = new Date(clock.now()).toISOString();
    await other.close();
    expect(await lastUse()).toBe(later);
    await source.close();
    expect(await lastUse()).toBe(later);
    expect((await store.list())[1]?.lastUsedAt).toBeUndefined();
  });

  test('the use of one that has ended is forgotten', async () => {
    const { add, verdict, store, source } = world();
    const password = await add('scanner', 'floor 1');
    await verdict('scanner', password);
    await source.close();
    await store.rotate('scanner', 'floor 1', new Date());
    expect((await store.list())[0]?.lastUsedAt).toBeUndefined();
  });

  test('those of some ids are removed at once; one that has taken the place of another stays', async () => {
    const { add, verdict, store } = world();
    const first = await add('scanner', 'floor 1');
    await add('scanner', 'floor 2');
    const ids = new Set((await store.all()).map(({ entry: { id } }) => id));
    const second = await store.rotate('scanner', 'floor 2', new Date());
    noteSecret('user password', second);
    const third = await add('erp', 'job');
    expect(await verdict('scanner', first)).toBe('right');
    await store.drop(ids);
    expect((await store.list()).map(({ login, name }) => [login, name])).toEqual([
      ['erp', 'job'],
      ['scanner', 'floor 2'],
    ]);
    expect(await verdict('scanner', first)).toBe('wrong');
    expect([await verdict('scanner', second), await verdict('erp', third)]).toEqual(['right', 'right']);
    await store.drop(new Set());
    expect(await store.list()).toHaveLength(2);
  });

  test('all of them go to another place and back, with their last uses; what is there of the name stays', async () => {
    const { add, verdict, store, source } = world();
    const [first, second] = [await add('scanner', 'floor 1'), await add('erp', 'job')];
    await verdict('scanner', first);
    await source.close();
    for (const newOther of Object.values(places)) {
      const there = newOther();
      const other: AppPasswordStore = openAppPasswords(there.dataDir, there.shared);
      const own = await other.add('erp', 'JOB', new Date());
      noteSecret('user password', own);
      expect((await other.take(await store.all())).map(({ entry: { name } }) => name)).toEqual(['floor 1']);
      expect(await other.take(await store.all())).toEqual([]);
      expect((await other.list()).find(({ name }) => name === 'floor 1')).toEqual(
        (await store.list()).find(({ name }) => name === 'floor 1'),
      );
      const bridge = new AppPasswords({ ...there, clock: new FakeClock(), log: silentLog });
      expect((await bridge.verify('scanner', first)).verdict).toBe('right');
      expect((await bridge.verify('erp', own)).verdict).toBe('right');
      expect((await bridge.verify('erp', second)).verdict).toBe('wrong');
    }
  });
});
