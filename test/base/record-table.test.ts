import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { RecordTable } from '../../src/base/record-table.ts';
import { FileRecords, MemoryRecords } from '../support/shared-records.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

/** Those that tests use in place of a store. The stores themselves are tested by the queue's contract. */
const kinds: Readonly<Record<string, () => RecordTable>> = {
  'in memory': () => new MemoryRecords(),
  'in a file': () => {
    const records = new FileRecords(join(temporaryFolder(), 'records.sqlite'));
    onTestFinished(() => records.close());
    return records;
  },
};

describe.each(Object.entries(kinds))('records %s', (_, open) => {
  test('are kept by kind and key, and their version grows', async () => {
    const records = open();
    expect(await records.put('a', 'x', 'one')).toBe(1);
    expect(await records.put('b', 'x', 'other')).toBe(1);
    expect(await records.put('a', 'x', 'two')).toBe(2);
    expect(await records.get('a', 'x', 0)).toEqual({ value: 'two', version: 2 });
    await records.delete('a', 'x');
    expect(await records.get('a', 'x', 0)).toBeUndefined();
    expect(await records.get('b', 'x', 0)).toEqual({ value: 'other', version: 1 });
  });

  test('are written in place of one version alone', async () => {
    const records = open();
    expect(await records.put('a', 'x', 'one', { ifVersion: 1 })).toBeUndefined();
    expect(await records.put('a', 'x', 'one', { ifVersion: 0 })).toBe(1);
    expect(await records.put('a', 'x', 'two', { ifVersion: 0 })).toBeUndefined();
    expect(await records.put('a', 'x', 'two', { ifVersion: 1 })).toBe(2);
  });

  test('are added where there is none, and where one has expired', async () => {
    const records = open();
    expect(await records.add('a', 'x', 'one', 5, { expiresAtMs: 10 })).toBeUndefined();
    expect(await records.add('a', 'x', 'two', 9)).toEqual({ value: 'one', version: 1, expiresAtMs: 10 });
    expect(await records.get('a', 'x', 10)).toBeUndefined();
    expect(await records.add('a', 'x', 'two', 10)).toBeUndefined();
    expect(await records.get('a', 'x', 10)).toEqual({ value: 'two', version: 2 });
  });

  test('are listed by the beginning of their keys, in order, and purged when they have expired', async () => {
    const records = open();
    for (const key of ['b1', 'a2', 'a1']) await records.put('k', key, key);
    await records.put('k', 'a3', 'short', { expiresAtMs: 10 });
    expect([...(await records.list('k', 0, 'a')).keys()]).toEqual(['a1', 'a2', 'a3']);
    expect([...(await records.list('k', 10)).keys()]).toEqual(['a1', 'a2', 'b1']);
    await records.purge(10);
    expect([...(await records.list('k', 0)).keys()]).toEqual(['a1', 'a2', 'b1']);
  });
});
