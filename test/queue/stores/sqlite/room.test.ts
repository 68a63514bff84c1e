import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { crc32 } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { BridgeError } from '../../../../src/base/errors.ts';
import { checkedBody, isWhole } from '../../../../src/queue/stores/checked-body.ts';
import { freeOctets, isDiskFull, writeFailure } from '../../../../src/queue/stores/disk-full.ts';
import { Reserve, reserveOctets } from '../../../../src/queue/stores/reserve.ts';
import { Room, type RoomLimits } from '../../../../src/queue/stores/room.ts';
import { CommitGroup } from '../../../../src/queue/stores/sqlite/engine/commit-group.ts';
import { settle } from '../../../support/fake-clock.ts';
import { temporaryFolder } from '../../../support/temporary-folder.ts';

const megabyte = 1024 * 1024;

describe('room for one more message', () => {
  function room(limits: Partial<RoomLimits>, held = { messages: 2, octets: 2 * megabyte }) {
    const folder = temporaryFolder();
    const reserve = new Reserve(join(folder, 'reserve'), 4096);
    return { folder, reserve, room: new Room(folder, { minFreeOctets: 0, ...limits }, reserve, () => held) };
  }

  test('as many messages as are allowed, and not one more', () => {
    room({ maxMessages: 3 }).room.assert(1);
    expect(() => room({ maxMessages: 2 }).room.assert(1)).toThrow('The queue holds 2 messages (queue.maxMessages).');
  });

  test('as many octets as are allowed, and not one more', () => {
    room({ maxOctets: 3 * megabyte }).room.assert(megabyte);
    expect(() => room({ maxOctets: 3 * megabyte }).room.assert(megabyte + 1)).toThrow(
      'The queue holds 2.0 MB (queue.maxMegabytes).',
    );
  });

  test('as much of the disk as has to stay free', () => {
    const { room: little, folder } = room({ minFreeOctets: Number.MAX_SAFE_INTEGER });
    const free = (freeOctets(folder) / megabyte).toFixed(1).slice(0, -3);
    expect(() => little.assertDisk(0)).toThrow(new RegExp(`^The disk of ${folder} has ${free}`));
    expect(() => little.assert(0)).toThrow(expect.objectContaining({ code: 'queue-full', kind: 'temporary' }));
  });

  test('the disk is looked at again after a megabyte, a message counting for 16 kB at least', () => {
    const { room: some, folder } = room({});
    const reserve = join(folder, 'reserve');
    some.assertDisk(0);
    const isTaken = () => statSync(reserve, { throwIfNoEntry: false })?.size === 4096;
    expect(isTaken()).toBe(true);
    writeFileSync(reserve, '');
    for (let n = 0; n < 63; n++) some.assertDisk(0);
    expect(isTaken()).toBe(false);
    some.assertDisk(0);
    expect(isTaken()).toBe(true);
    writeFileSync(reserve, '');
    some.assertDisk(megabyte);
    expect(isTaken()).toBe(true);
  });

  test('at once where it was found full', () => {
    const { room: some, folder } = room({});
    some.assertDisk(0);
    writeFileSync(join(folder, 'reserve'), '');
    some.lookAgain();
    some.assertDisk(0);
    expect(statSync(join(folder, 'reserve')).size).toBe(4096);
  });

  test.each<[string, Partial<RoomLimits>, boolean]>([
    ['no bound', {}, true],
    ['bounds far away', { maxMessages: 10_002, maxOctets: 1026 * megabyte }, true],
    ['a bound on messages', { maxMessages: 10_001 }, false],
    ['a bound on octets', { maxOctets: 1025 * megabyte }, false],
  ])('is wide, or is not, with %s', (_, limits, isWide) => {
    const { room: some } = room(limits);
    expect(some.isWide()).toBe(false);
    some.assertDisk(0);
    expect(some.isWide()).toBe(isWide);
  });

  test('is not wide where the disk shall keep nearly all that is free', () => {
    const folder = temporaryFolder();
    const { room: some } = room({ minFreeOctets: freeOctets(folder) - 100 * megabyte });
    some.assertDisk(0);
    expect(some.isWide()).toBe(false);
  });

  test('none where there is none for the outcomes of deliveries', () => {
    const reserve = { take: () => false } as unknown as Reserve;
    const none = new Room(temporaryFolder(), { minFreeOctets: 0 }, reserve, () => ({ messages: 0, octets: 0 }));
    expect(() => none.assertDisk(0)).toThrow(/^The disk of .* is full\.$/);
  });
});

describe('the reserve', () => {
  test('is 16 MB that no file system can leave out, and is given back whole', () => {
    expect(reserveOctets).toBe(16 * megabyte);
    const file = join(temporaryFolder(), 'reserve');
    const reserve = new Reserve(file, 3 * megabyte + 5);
    expect(reserve.release()).toBe(false);
    expect(reserve.take()).toBe(true);
    expect(statSync(file).size).toBe(3 * megabyte + 5);
    expect(statSync(file).blocks * 512).toBeGreaterThan(3 * megabyte);
    expect(reserve.release()).toBe(true);
    expect(statSync(file, { throwIfNoEntry: false })).toBeUndefined();
    expect(reserve.release()).toBe(false);
  });

  test('is not written again where it stands, and is where it was cut short', () => {
    const file = join(temporaryFolder(), 'reserve');
    const reserve = new Reserve(file, 4096);
    reserve.take();
    const { ino } = statSync(file);
    reserve.take();
    expect(statSync(file).ino).toBe(ino);
    writeFileSync(file, 'cut short');
    expect(reserve.take()).toBe(true);
    expect(statSync(file).size).toBe(4096);
  });

  test('is not there where it cannot be', () => {
    expect(new Reserve(join(temporaryFolder(), 'missing', 'reserve'), 4096).take()).toBe(false);
  });
});

describe('a disk that is full', () => {
  const failure = (facts: object) => Object.assign(new Error('failed'), facts);

  test.each([
    ['ENOSPC', { code: 'ENOSPC' }, true],
    ["the user's share", { code: 'EDQUOT' }, true],
    ['as SQLite says it', { code: 'ERR_SQLITE_ERROR', errcode: 13 }, true],
    ['an I/O error on a disk that has space', { code: 'ERR_SQLITE_ERROR', errcode: 10 }, false],
    ['another of SQLite', { errcode: 5 }, false],
    ['another', { code: 'EACCES' }, false],
    ['nothing that is known', {}, false],
  ])('%s', (_, facts, isFull) => {
    const folder = temporaryFolder();
    const error = failure(facts);
    expect(isDiskFull(error, folder)).toBe(isFull);
    const seen = writeFailure(error, folder);
    if (isFull)
      expect(seen).toMatchObject({ code: 'queue-full', message: `The disk of ${folder} is full.`, cause: error });
    else expect(seen).toBe(error);
  });

  test('nothing at all is no full disk, and an error of ours stays as it is', () => {
    expect(isDiskFull(undefined, '/')).toBe(false);
    const ours = new BridgeError('queue-body-missing', 'x', { cause: { code: 'ENOSPC' } });
    expect(writeFailure(ours, '/')).toBe(ours);
  });
});

describe('what is committed together', () => {
  function group() {
    const db = new DatabaseSync(':memory:');
    db.exec('CREATE TABLE t (x INTEGER PRIMARY KEY)');
    const insert = (x: number) => () => db.prepare('INSERT INTO t VALUES (?)').run(x).changes;
    const rows = () =>
      db
        .prepare('SELECT x FROM t ORDER BY x')
        .all()
        .map((row) => row.x);
    return { db, group: new CommitGroup(db), insert, rows };
  }

  test('each gets its own result, and nothing is done before', async () => {
    const { group: commits, insert, rows } = group();
    const done = Promise.all([commits.run(insert(1)), commits.run(() => 'second')]);
    expect(rows()).toEqual([]);
    expect(await done).toEqual([1, 'second']);
    expect(rows()).toEqual([1]);
  });

  test('one that fails takes none of the others along', async () => {
    const { group: commits, insert, rows } = group();
    const results = await Promise.allSettled([commits.run(insert(1)), commits.run(insert(1)), commits.run(insert(2))]);
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(rows()).toEqual([1, 2]);
  });

  test('all that waits is done at once where it must be, and once', async () => {
    const { group: commits, insert, rows } = group();
    const done = commits.run(insert(1));
    commits.flush();
    expect(rows()).toEqual([1]);
    expect(await done).toBe(1);
    commits.flush();
    await settle();
    expect(rows()).toEqual([1]);
    await commits.run(insert(2));
    expect(rows()).toEqual([1, 2]);
  });

  test('what half fails leaves nothing behind', async () => {
    const { group: commits, insert, rows } = group();
    const half = commits.run(() => {
      insert(7)();
      throw new Error('half way');
    });
    await expect(half).rejects.toThrow('half way');
    expect(rows()).toEqual([]);
  });
});

describe('a body and its mark', () => {
  const content = Buffer.from('Subject: x\r\n\r\nhello');
  const mark = { size: content.length, crc: crc32(content) };
  const damaged = () => new Error('damaged');
  const pieces = () => Readable.from([content.subarray(0, 5), content.subarray(5, 9), content.subarray(9)]);

  test('is whole, or is not', () => {
    expect(isWhole(content, mark)).toBe(true);
    expect(isWhole(content, { ...mark, crc: undefined })).toBe(true);
    expect(isWhole(content, { ...mark, size: mark.size + 1 })).toBe(false);
    expect(isWhole(content, { ...mark, crc: mark.crc ^ 1 })).toBe(false);
  });

  test('comes through as it is', async () => {
    expect(await buffer(checkedBody(pieces(), mark, damaged))).toEqual(content);
    expect(await buffer(checkedBody(pieces(), { ...mark, crc: undefined }, damaged))).toEqual(content);
    expect(await buffer(checkedBody(Readable.from([]), { size: 0, crc: 0 }, damaged))).toHaveLength(0);
  });

  test.each([
    ['another checksum', { ...mark, crc: mark.crc ^ 1 }],
    ['too long', { ...mark, size: mark.size - 1 }],
    ['too short', { size: mark.size + 1, crc: undefined }],
  ])('damaged, its end is never given: %s', async (_, other) => {
    const seen: Buffer[] = [];
    const read = async () => {
      for await (const piece of checkedBody(pieces(), other, damaged)) seen.push(piece);
    };
    await expect(read()).rejects.toThrow('damaged');
    expect(Buffer.concat(seen)).toEqual(content.subarray(0, 9));
  });
});
