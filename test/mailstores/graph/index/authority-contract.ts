import { expect, test } from 'vitest';
import type { IndexWorld } from './index-world.ts';

/** What every index guarantees, whatever its authority is. @param open a new one */
export function indexContract(open: () => IndexWorld): void {
  test('a folder has a UIDVALIDITY of its own, which stays; one that comes again gets another', async () => {
    const world = open();
    const before = await world.list(['a', 'b']);
    world.restart();
    expect(await world.list(['a', 'b'])).toEqual(before);
    const { b } = await world.list(['b']);
    expect(b).toEqual(before.b);
    const again = await world.list(['a', 'b']);
    const given = [before.a, before.b, again.a].map((folder) => folder?.uidValidity ?? 0);
    expect(new Set(given).size).toBe(3);
    expect(new Set([before.a?.key, before.b?.key, again.a?.key]).size).toBe(3);
    for (const each of given) {
      expect(each).toBeGreaterThan(2 ** 31);
      expect(each).toBeLessThan(2 ** 32);
    }
    expect(given[2]).toBeGreaterThan(Math.max(...given.slice(0, 2)));
  });

  test('UIDs ascend, one to a message, and none comes again', async () => {
    const world = open();
    const { a } = await world.list(['a']);
    const key = a?.key ?? 0;
    expect(await world.add(key, 'x', 'y')).toEqual([1, 2]);
    expect(await world.add(key, 'y', 'z')).toEqual([2, 3]);
    expect(await world.edit(key, (edit) => edit.remove(['z']))).toEqual([3]);
    world.restart();
    await world.list(['a']);
    expect(await world.add(key, 'z')).toEqual([4]);
    expect(world.uids(key)).toEqual({ 1: 'x', 2: 'y', 4: 'z' });
    expect(world.index.folders.get(key)).toMatchObject({ uidNext: 5 });
  });

  test('a change that fails leaves nothing behind', async () => {
    const world = open();
    const { a } = await world.list(['a']);
    const key = a?.key ?? 0;
    await world.add(key, 'x');
    const before = world.index.folders.get(key);
    const failing = world.edit(key, (edit) => {
      edit.remove(['x']);
      throw new Error('no');
    });
    await expect(failing).rejects.toThrow('no');
    expect([world.uids(key), world.index.folders.get(key)]).toEqual([{ 1: 'x' }, before]);
    expect(await world.add(key, 'y')).toEqual([2]);
  });

  test('modification sequences grow with every change, and tell what was removed since', async () => {
    const world = open();
    const { a } = await world.list(['a']);
    const key = a?.key ?? 0;
    await world.add(key, 'x', 'y', 'z');
    const since = world.index.folders.get(key)?.modseq ?? 0;
    const known = world.index.messages.get(key, 'x');
    const modseq = await world.edit(key, (edit) => edit.setFlags(known as never, ['\\Seen'], 'd'));
    expect(modseq).toBe(since + 1);
    await world.edit(key, (edit) => edit.remove(['y']));
    await world.edit(key, (edit) => edit.remove(['z']));
    world.restart();
    expect(world.index.folders.get(key)?.modseq).toBe(since + 3);
    expect(world.index.messages.removedSince(key, since)).toEqual([2, 3]);
    expect(world.index.messages.removedSince(key, since + 2)).toEqual([3]);
    expect(world.index.messages.get(key, 'x')).toMatchObject({ flags: ['\\Seen'], modseq: since + 1, changeKey: 'd' });
  });

  test('a message that moves to where it is gets another UID', async () => {
    const world = open();
    const { a } = await world.list(['a']);
    const key = a?.key ?? 0;
    await world.add(key, 'x', 'y');
    expect(await world.edit(key, (edit) => edit.renumber(['x']))).toEqual({ from: [1], to: [3] });
    expect(world.uids(key)).toEqual({ 2: 'y', 3: 'x' });
    expect(world.index.messages.removedSince(key, 1)).toEqual([1]);
  });

  test('messages of a listing get their UIDs in the order of their arrival', async () => {
    const world = open();
    const { a } = await world.list(['a']);
    const key = a?.key ?? 0;
    const { messages } = world.index;
    for (const [id, receivedMs] of Object.entries({ new: 3, old: 1, between: 2 })) {
      messages.stage(key, { id, changeKey: 'c', receivedMs, flags: [], envelope: '{}' }, 1);
    }
    const staged = messages.staged(key, 10);
    await world.edit(key, (edit) => edit.assign(staged));
    // A message that has a UID keeps it.
    await world.edit(key, (edit) => edit.assign(['new', 'old']));
    expect(world.uids(key)).toEqual({ 1: 'old', 2: 'between', 3: 'new' });
    expect(world.index.folders.get(key)).toMatchObject({ uidNext: 4, modseq: 2 });
  });

  test('subscriptions stay, of names that are no folders any more too', async () => {
    const world = open();
    const { a } = await world.list(['a']);
    await world.index.authority.setSubscribed(a?.key ?? 0, false);
    await world.index.authority.keepSubscription('Old');
    world.restart();
    expect(await world.list(['a'])).toMatchObject({ a: { subscribed: false } });
    expect(world.index.keptSubscriptions.names()).toEqual(['Old']);
    expect(await world.index.authority.dropSubscription('Old')).toBe(true);
    expect(await world.index.authority.dropSubscription('Old')).toBe(false);
    expect(world.index.keptSubscriptions.names()).toEqual([]);
  });

  test('a message of which nobody knows whether it was stored is known by its marker, for a while', async () => {
    const world = open();
    const { appends } = world.index.authority;
    await appends.put('folder digest', 'marker', 1_000);
    world.restart();
    expect(await world.index.authority.appends.marker('folder digest', 1_000)).toBe('marker');
    expect(await world.index.authority.appends.marker('folder digest', 1_001)).toBeUndefined();
    await world.index.authority.appends.remove('folder digest');
    expect(await world.index.authority.appends.marker('folder digest', 0)).toBeUndefined();
  });
}
