import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { postgresForTests } from '../../../support/postgres.ts';
import { type Sharing, sharing } from '../shared.ts';
import { indexContract } from './authority-contract.ts';
import { IndexWorld, messageOf } from './index-world.ts';

describe('with SQLite alone', () => indexContract(() => new IndexWorld()));

describe('shared in PostgreSQL', () => {
  const server = postgresForTests();
  indexContract(() => new IndexWorld(sharing(server())()));

  /** Two instances of a mailbox with one folder. */
  async function two() {
    const share = sharing(server());
    const [one, other] = [new IndexWorld(share()), new IndexWorld(share())];
    const { a } = await one.list(['a']);
    expect((await other.list(['a'])).a).toMatchObject({ key: a?.key, uidValidity: a?.uidValidity });
    return { one, other, key: a?.key ?? 0, share };
  }

  const inSchema = ({ schema }: Sharing, text: string) => server().query(text.replaceAll('mailbridge.', `${schema}.`));

  test('two instances that list a mailbox for the first time, at the same time, make each folder once', async () => {
    const share = sharing(server());
    const worlds = Array.from({ length: 4 }, () => new IndexWorld(share()));
    const listed = await Promise.all(worlds.map((world) => world.list(['a', 'b', 'c'])));
    for (const each of listed) expect(each).toEqual(listed[0]);
  });

  test('two instances that find the same messages at the same time give each one UID, and no UID twice', async () => {
    const { one, other, key } = await two();
    const ids = Array.from({ length: 60 }, (_, number) => `m${number}`);
    const given = await Promise.all([
      ...ids.map((id) => one.add(key, id)),
      ...ids.toReversed().map((id) => other.add(key, id)),
    ]);
    await Promise.all([one, other].map((world) => world.catchUp(key)));
    expect(one.uids(key)).toEqual(other.uids(key));
    expect(Object.keys(one.uids(key)).length).toBe(60);
    expect(new Set(given.flat()).size).toBe(60);
  });

  test('an instance hears what the other has done, each UID above those it knows', async () => {
    const { one, other, key } = await two();
    await one.add(key, 'x', 'y');
    await other.catchUp(key);
    await one.edit(key, (edit) => edit.remove(['x']));
    await one.edit(key, (edit) => edit.setFlags(one.index.messages.get(key, 'y') as never, ['\\Seen'], 'd'));
    await one.add(key, 'z');
    await one.edit(key, (edit) => edit.renumber(['y']));
    // Whoever writes takes all of it in first.
    expect(await other.add(key, 'v')).toEqual([5]);
    expect(other.heard).toEqual(['added 1 2', 'removed 1 2', 'added 3 4']);
    expect(other.uids(key)).toEqual({ 3: 'z', 4: 'y', 5: 'v' });
    expect(other.index.messages.get(key, 'y')?.flags).toEqual(['\\Seen']);
    expect(other.index.messages.removedSince(key, 1)).toEqual([1, 2]);
    await one.catchUp(key);
    expect(one.index.folders.get(key)).toEqual(other.index.folders.get(key));
  });

  test('an instance with a new data folder has the index as the others have it, page by page', async () => {
    const { one, key, share } = await two();
    const ids = Array.from({ length: 2_500 }, (_, number) => `m${number}`);
    await one.edit(key, (edit) => {
      for (const id of ids) edit.add(messageOf(id, ['\\Seen']), '{"subject":"x"}');
    });
    await one.edit(key, (edit) => edit.remove(['m7']), 'https://graph/delta');
    const late = new IndexWorld(share());
    await late.list(['a']);
    await late.catchUp(key);
    expect(late.uids(key)).toEqual(one.uids(key));
    const [mine, its] = [one, late].map(({ index }) => index.folders.get(key));
    expect(its).toEqual({ ...mine });
    expect(its?.deltaLink).toBe('https://graph/delta');
    expect(late.heard.join(' ').match(/\d+/g)?.map(Number)).toEqual(Object.keys(one.uids(key)).map(Number));
  });

  test('an instance that was away while more was removed than is remembered takes its copy for nothing', {
    timeout: 60_000,
  }, async () => {
    const { one, other, key } = await two();
    const ids = Array.from({ length: 10_005 }, (_, number) => `m${number}`);
    await one.edit(key, (edit) => {
      for (const id of ids) edit.add(messageOf(id), '{}');
    });
    await other.catchUp(key);
    for (let start = 0; start < 10_003; start += 1_000) {
      await one.edit(key, (edit) => edit.remove(ids.slice(start, Math.min(10_003, start + 1_000))));
    }
    other.heard.length = 0;
    await other.catchUp(key);
    expect(other.heard).toEqual(['forgotten', 'added 10004 10005']);
    expect(other.uids(key)).toEqual(one.uids(key));
    expect(other.index.folders.get(key)).toEqual(one.index.folders.get(key));
  });

  test('where PostgreSQL has lost what an instance knows, the folder gets another UIDVALIDITY', async () => {
    const { one, other, key, share } = await two();
    await one.add(key, 'x');
    await inSchema(share, `UPDATE mailbridge.index_folders SET revision = 1, uid_next = 1`);
    await expect(one.catchUp(key)).rejects.toMatchObject({ code: 'no-such-folder' });
    await expect(other.catchUp(key)).rejects.toMatchObject({ code: 'no-such-folder' });
    const before = one.index.db.fact('uid_validity');
    const { a } = await one.list(['a']);
    expect(a?.uidValidity).toBeGreaterThan(Number(before));
    expect((await other.list(['a'])).a).toEqual(a);
    expect(one.uids(a?.key ?? 0)).toEqual({});
  });

  test('where PostgreSQL was made anew, nothing of the copies counts', async () => {
    const { one, key, share } = await two();
    await one.add(key, 'x');
    const before = one.index.folders.get(key)?.uidValidity ?? 0;
    await inSchema(share, 'TRUNCATE mailbridge.index_mailboxes, mailbridge.index_folders RESTART IDENTITY');
    await inSchema(share, 'TRUNCATE mailbridge.index_messages, mailbridge.index_removals');
    const { a } = await one.list(['a']);
    expect(a?.uidValidity).toBeGreaterThan(before);
    await one.catchUp(a?.key ?? 0);
    expect(one.uids(a?.key ?? 0)).toEqual({});
    expect(await one.add(a?.key ?? 0, 'y')).toEqual([1]);
  });

  test('a folder that another instance has made since Graph was asked stays', async () => {
    const { one, other } = await two();
    const since = await other.index.authority.foldersRevision();
    const { b } = await one.list(['a', 'b']);
    // Graph was asked before b was made.
    await other.list(['a'], since);
    expect((await other.list(['a', 'b'])).b).toMatchObject({ key: b?.key, uidValidity: b?.uidValidity });
  });

  test('what is left of a folder that is gone goes from PostgreSQL too', async () => {
    const { one, key, share } = await two();
    await one.add(key, 'x', 'y');
    await one.list([]);
    const left = `SELECT folder AS key FROM mailbridge.index_messages UNION ALL SELECT key FROM mailbridge.index_folders`;
    await expect.poll(() => inSchema(share, left)).toEqual([]);
  });

  test('two mailboxes have nothing in common', async () => {
    const share = sharing(server());
    const [mine, others] = [new IndexWorld(share(), 'mine'), new IndexWorld(share(), 'others')];
    const [{ a }, { a: b }] = [await mine.list(['a']), await others.list(['a'])];
    expect(a?.key).not.toBe(b?.key);
    await mine.add(a?.key ?? 0, 'x');
    await others.catchUp(b?.key ?? 0);
    expect(others.uids(b?.key ?? 0)).toEqual({});
  });

  test('one instance at a time lists all of a folder; one that has broken down holds up the others no longer than its time', async () => {
    const { one, other, key, share } = await two();
    const told: string[] = [];
    const end = Promise.withResolvers<void>();
    const first = one.index.authority.listing(key, {}, async (waited) => {
      told.push(`one ${waited}`);
      await end.promise;
    });
    await expect.poll(() => told).toEqual(['one false']);
    const waiting = () => void told.push('other waits');
    const list = async (waited: boolean) => void told.push(`other ${waited}`);
    const second = other.index.authority.listing(key, { waiting }, list);
    await delay(1_500);
    expect(told).toEqual(['one false', 'other waits']);
    await inSchema(share, `UPDATE mailbridge.index_folders SET listed_until = now() - interval '1 second'`);
    await second;
    expect(told).toEqual(['one false', 'other waits', 'other true']);
    end.resolve();
    await first;
    // A client that is gone no longer waits.
    const gone = AbortSignal.timeout(100);
    const third = one.index.authority.listing(key, {}, () =>
      other.index.authority.listing(key, { signal: gone }, async () => void told.push('never')),
    );
    await expect(third).rejects.toMatchObject({ name: 'AbortError' });
    expect(told).not.toContain('never');
    await one.index.authority.listing(key, {}, async () => void told.push('at last'));
    expect(told.at(-1)).toBe('at last');
  });

  test('whatever a header holds is kept', async () => {
    const { one, other, key } = await two();
    await one.edit(key, (edit) => {
      edit.add(messageOf('x', ['ümläut', '"\\']), JSON.stringify({ subject: 'a\0b \ud800 é' }));
      one.index.messages.setAncestry(key, 'x', { inReplyTo: '<a\0b\ud800>', references: "<'\\\n>" });
    });
    await other.catchUp(key);
    expect(other.index.messages.envelope(key, 'x')).toEqual(one.index.messages.envelope(key, 'x'));
    expect(JSON.parse(other.index.messages.envelope(key, 'x')?.envelope ?? '')).toEqual({ subject: 'a\0b \ud800 é' });
    expect(other.index.messages.envelope(key, 'x')).toMatchObject({ references: "<'\\\n>" });
  });

  test('a size that is exact stays so, whoever has found it', async () => {
    const { one, other, key } = await two();
    await one.add(key, 'x');
    await other.catchUp(key);
    await one.edit(key, (edit) => edit.setSizes(new Map([['x', 1_234]])));
    await other.catchUp(key);
    expect(other.index.messages.get(key, 'x')).toMatchObject({ size: 1_234, isExact: true });
  });
});
