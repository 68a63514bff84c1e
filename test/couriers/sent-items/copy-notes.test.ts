import { setTimeout } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../../src/base/clock.ts';
import { BridgeError } from '../../../src/base/errors.ts';
import type { RecordTable } from '../../../src/base/record-table.ts';
import { CopyNotes } from '../../../src/couriers/sent-items/copy-notes.ts';
import { noMemory, storedMemory } from '../../../src/couriers/sent-items/sending-memory.ts';
import { openSqliteStore } from '../../../src/queue/stores/sqlite/store.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { storedRecords } from '../../support/records.ts';
import { smallDisk } from '../../support/small-disk.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { marker } from '../outgoing.ts';

const to = (...addresses: string[]) => addresses.map((address) => ({ address }));
const all = to('a@x.example', 'b@x.example', 'c@x.example');
const [a, b, c] = all as [{ address: string }, { address: string }, { address: string }];
const copyFor = (...recipients: { address: string }[]) => new Set([marker.of('m1', recipients)]);
const notesIn = (records: RecordTable, clock = systemClock) => new CopyNotes(records, marker, clock);

test('a copy is known by its marker, in another process too, and for its own message alone', async () => {
  const folder = temporaryFolder();
  await notesIn(storedRecords(folder)).note('m1', [a, c], [b]);
  const notes = notesIn(storedRecords(folder));
  expect(await notes.served('m1', all, copyFor(a, c))).toEqual([a, c]);
  expect(await notes.served('m1', all, new Set([...copyFor(a, c), ...copyFor(b)]))).toEqual(all);
  expect(await notes.served('m1', all, copyFor(a, b))).toEqual([]);
  expect(await notes.served('m10', all, copyFor(a, c))).toEqual([]);
});

test('recipients that are no longer to be served make no difference, nor does their spelling', async () => {
  const notes = notesIn(storedRecords());
  await notes.note('m1', [a, c]);
  expect(await notes.served('m1', to('C@X.example'), copyFor(a, c))).toEqual(to('C@X.example'));
});

test('without a note nothing is known', async () => {
  expect(await notesIn(storedRecords()).served('m1', all, copyFor(a))).toEqual([]);
});

test('the notes tell nobody the recipients', async () => {
  const records = storedRecords();
  await notesIn(records).note('m1', all);
  const notes = [...(await records.list('copy', 0))];
  expect(notes).toHaveLength(1);
  expect(JSON.stringify(notes)).not.toMatch(/example|@/);
});

test('they stay for as long as a message may wait, and not for ever', async () => {
  const clock = new FakeClock();
  const records = storedRecords();
  await notesIn(records, clock).note('m1', [a]);
  clock.set(365 * 86_400_000);
  expect(await notesIn(records, clock).served('m1', all, copyFor(a))).toEqual([a]);
  clock.set(2 * 86_400_000);
  await records.purge(clock.now());
  expect([...(await records.list('copy', 0))]).toEqual([]);
});

test('a full disk keeps no copy from going out (on a disk of its own)', async (context) => {
  const disk = smallDisk(context, 4);
  const store = openSqliteStore(disk.folder, { exclusive: false });
  onTestFinished(() => store.close());
  const notes = notesIn(store.records);
  disk.fill();
  // The log has some space of its own.
  for (let n = 0; n < 200; n++)
    await notes.note(
      `x${n}`,
      Array.from({ length: 500 }, (_, i) => ({ address: `${i}@x` })),
    );
  await expect(store.records.put('copy', 'x', 'x'.repeat(1_000_000))).rejects.toMatchObject({ code: 'queue-full' });
  disk.relieve();
  await notes.note('m1', [b]);
  expect(await notes.served('m1', all, copyFor(b))).toEqual([b]);
});

test('where it cannot be noted whom a copy is for, it does not go out', async () => {
  const unreachable = new BridgeError('queue-unreachable', 'gone');
  const notes = notesIn({ ...storedRecords(), put: () => Promise.reject(unreachable) });
  await expect(notes.note('m1', [a])).rejects.toBe(unreachable);
});

test('the key of the markers is made once, however many begin, and is the same ever after', async () => {
  const folder = temporaryFolder();
  const tables = [storedRecords(folder), storedRecords(folder)];
  const memories = await Promise.all([...tables, ...tables].map((records) => storedMemory(records, systemClock)));
  await setTimeout(1);
  const later = await storedMemory(storedRecords(folder), systemClock);
  const markers = [...memories, later].map((memory) => memory.marker.sealed('m1', all));
  expect(new Set(markers).size).toBe(1);
  const { marker: another } = await storedMemory(storedRecords(), systemClock);
  expect(another.sealed('m1', all)).not.toBe(markers[0]);
});

test('what nobody looks for is marked, and not noted', async () => {
  const { marker: passing, copies } = noMemory(systemClock);
  expect(passing.line('m1', all)).toMatch(/^X-Mailbridge-Id: m1\.[0-9a-f]{16}\.[0-9a-f]{16}\r\n$/);
  await copies.note('m1', [a]);
  expect(await copies.served('m1', all, new Set([passing.of('m1', [a])]))).toEqual([]);
});
