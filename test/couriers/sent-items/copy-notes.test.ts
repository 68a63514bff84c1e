import { appendFileSync, existsSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { CopyNotes } from '../../../src/couriers/sent-items/copy-notes.ts';
import { smallDisk } from '../../support/small-disk.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { marker } from '../outgoing.ts';

const to = (...addresses: string[]) => addresses.map((address) => ({ address }));
const all = to('a@x.example', 'b@x.example', 'c@x.example');
const [a, b, c] = all as [{ address: string }, { address: string }, { address: string }];
const copyFor = (...recipients: { address: string }[]) => new Set([marker.of('m1', recipients)]);

test('a copy is known by its marker, in another process too, and for its own message alone', async () => {
  const file = join(temporaryFolder(), 'copies');
  new CopyNotes(file, marker).note('m1', [a, c], [b]);
  const notes = new CopyNotes(file, marker);
  expect(await notes.served('m1', all, copyFor(a, c))).toEqual([a, c]);
  expect(await notes.served('m1', all, new Set([...copyFor(a, c), ...copyFor(b)]))).toEqual(all);
  expect(await notes.served('m1', all, copyFor(a, b))).toEqual([]);
  expect(await notes.served('m10', all, copyFor(a, c))).toEqual([]);
});

test('recipients that are no longer to be served make no difference, nor does their spelling', async () => {
  const notes = new CopyNotes(join(temporaryFolder(), 'copies'), marker);
  notes.note('m1', [a, c]);
  expect(await notes.served('m1', to('C@X.example'), copyFor(a, c))).toEqual(to('C@X.example'));
});

test('without a note nothing is known', async () => {
  expect(await new CopyNotes(join(temporaryFolder(), 'copies'), marker).served('m1', all, copyFor(a))).toEqual([]);
});

test('the file tells nobody the recipients', () => {
  const file = join(temporaryFolder(), 'copies');
  new CopyNotes(file, marker).note('m1', all);
  expect(readFileSync(file, 'latin1')).not.toMatch(/example|@/);
  expect(statSync(file).mode & 0o777).toBe(0o600);
});

test('a line that was cut off says nothing, and does not spoil the next', async () => {
  const file = join(temporaryFolder(), 'copies');
  const notes = new CopyNotes(file, marker);
  notes.note('m1', [a, b]);
  truncateSync(file, statSync(file).size - 10);
  notes.note('m1', [c]);
  expect(await notes.served('m1', all, copyFor(a, b))).toEqual([a]);
  expect(await notes.served('m1', all, copyFor(c))).toEqual([c]);
});

test('the file does not grow without end, and forgets nothing of late', async () => {
  const file = join(temporaryFolder(), 'copies');
  const notes = new CopyNotes(file, marker);
  notes.note('m1', [a, c]);
  appendFileSync(file, 'x'.repeat(5_000_000));
  notes.note('m1', [b]);
  expect(statSync(file).size).toBeLessThan(1000);
  expect(await notes.served('m1', all, new Set([...copyFor(a, c), ...copyFor(b)]))).toEqual(all);
  writeFileSync(file, 'x'.repeat(5_000_000));
  notes.note('m1', [c]);
  expect(await notes.served('m1', all, copyFor(a, c))).toEqual([]);
});

test('a full disk keeps no copy from going out (on a disk of its own)', async (context) => {
  const disk = smallDisk(context, 1);
  const file = join(disk.folder, 'copies');
  const notes = new CopyNotes(file, marker);
  disk.fill();
  notes.note('m1', [a]);
  disk.relieve();
  notes.note('m1', [b]);
  expect(existsSync(file)).toBe(true);
  expect(await notes.served('m1', all, copyFor(b))).toEqual([b]);
});
