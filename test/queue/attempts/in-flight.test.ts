import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openInFlightJournal } from '../../../src/queue/attempts/in-flight-journal.ts';
import { smallDisk } from '../../support/small-disk.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const journalFile = () => join(temporaryFolder(), 'in-flight');
const message = (id: string, receivedAtMs = 1000) => ({ id, receivedAtMs });

test('nothing is in flight in a new queue', () => {
  const journal = openInFlightJournal(journalFile(), 5000, 'boot-1');
  expect(journal.wasInFlight(message('a'))).toBe(false);
});

test('killed: what was under way is in flight, and nothing else', () => {
  const file = journalFile();
  const killed = openInFlightJournal(file, 5000, 'boot-1');
  killed.begin('a');
  killed.begin('b');
  killed.end('a');
  const journal = openInFlightJournal(file, 6000, 'boot-1');
  expect(['a', 'b', 'c'].filter((id) => journal.wasInFlight(message(id)))).toEqual(['b']);
});

test('what is in flight stays so over further deaths, until it has been cleared up', () => {
  const file = journalFile();
  openInFlightJournal(file, 5000, 'boot-1').begin('a');
  openInFlightJournal(file, 6000, 'boot-1').begin('b');
  const third = openInFlightJournal(file, 7000, 'boot-1');
  expect(['a', 'b'].map((id) => third.wasInFlight(message(id)))).toEqual([true, true]);
  third.begin('a');
  third.end('a');
  expect(third.wasInFlight(message('a'))).toBe(false);
  const fourth = openInFlightJournal(file, 8000, 'boot-1');
  expect(['a', 'b'].map((id) => fourth.wasInFlight(message(id)))).toEqual([false, true]);
});

test('the machine went down: everything received before is in flight, because lines may be lost', () => {
  const file = journalFile();
  openInFlightJournal(file, 5000, 'boot-1').begin('a');
  const journal = openInFlightJournal(file, 9000, 'boot-2');
  expect(journal.wasInFlight(message('a'))).toBe(true);
  expect(journal.wasInFlight(message('not-begun', 8999))).toBe(true);
  expect(journal.wasInFlight(message('received since', 9000))).toBe(false);
  journal.begin('not-begun');
  journal.end('not-begun');
  expect(journal.wasInFlight(message('not-begun'))).toBe(false);
  const later = openInFlightJournal(file, 10_000, 'boot-2');
  expect(later.wasInFlight(message('not-begun'))).toBe(false);
  expect(later.wasInFlight(message('another', 8999))).toBe(true);
});

test('the machine came up with its clock behind: what was received before is in flight, although later by that clock', () => {
  const file = journalFile();
  openInFlightJournal(file, 5000, 'boot-1').begin('a');
  const queuedSince = (ms: number) => (ms === 10 ? ['b'] : []);
  const journal = openInFlightJournal(file, 10, 'boot-2', queuedSince);
  expect(journal.wasInFlight(message('b', 4000))).toBe(true);
  expect(journal.wasInFlight(message('received since', 20))).toBe(false);
  journal.begin('b');
  journal.end('b');
  expect(journal.wasInFlight(message('b', 4000))).toBe(false);
});

test.each([
  ['at-1000', 'at-1059', true],
  ['at-1059', 'at-1000', true],
  ['at-1000', 'at-1060', false],
  ['at-1000', '1000', false],
  ['at-1000', 'at-1000-b', false],
  ['at-1000', 'that-1000', false],
  ['boot-1', 'boot-2', false],
])('elsewhere than on Linux a boot is known by its time: %s and %s are the same: %s', (before, now, isSame) => {
  const file = journalFile();
  openInFlightJournal(file, 5000, before).begin('a');
  expect(openInFlightJournal(file, 9000, now).wasInFlight(message('not begun'))).toBe(!isSame);
});

test('where nobody names the boot the system does', () => {
  const file = journalFile();
  openInFlightJournal(file, 5000).begin('a');
  const [first] = readFileSync(file, 'latin1').split('\n');
  const named = '/proc/sys/kernel/random/boot_id';
  if (existsSync(named)) expect(first).toBe(`boot ${readFileSync(named, 'latin1').trim()}`);
  else expect(first).toMatch(/^boot at-\d{10}$/);
  expect(openInFlightJournal(file, 9000).wasInFlight(message('not begun'))).toBe(false);
});

test('closed before the machine went down: nothing is in flight but what was before', () => {
  const file = journalFile();
  openInFlightJournal(file, 5000, 'boot-1').begin('a');
  openInFlightJournal(file, 6000, 'boot-1').close();
  const journal = openInFlightJournal(file, 9000, 'boot-2');
  expect(journal.wasInFlight(message('a'))).toBe(true);
  expect(journal.wasInFlight(message('b'))).toBe(false);
});

test.each([
  ['an empty file', ''],
  ['zeros', '\0'.repeat(4096)],
  ['half a line', 'boo'],
])('%s is what a lost machine leaves: everything is in flight', (_name, content) => {
  const file = journalFile();
  writeFileSync(file, content);
  expect(openInFlightJournal(file, 9000, 'boot-2').wasInFlight(message('a'))).toBe(true);
});

test('a last line that was cut off says nothing', () => {
  const file = journalFile();
  openInFlightJournal(file, 5000, 'boot-1').begin('abc');
  appendFileSync(file, 'end ab');
  expect(openInFlightJournal(file, 6000, 'boot-1').wasInFlight(message('abc'))).toBe(true);
});

test('the file does not grow without end, and forgets nothing that is under way', () => {
  const file = journalFile();
  const journal = openInFlightJournal(file, 5000, 'boot-1');
  journal.begin('under-way');
  for (let n = 0; n < 50_000; n += 1) {
    journal.begin(`message-${n}`);
    journal.end(`message-${n}`);
  }
  expect(readFileSync(file).length).toBeLessThan(1_100_000);
  const next = openInFlightJournal(file, 6000, 'boot-1');
  expect(next.wasInFlight(message('under-way'))).toBe(true);
  expect(next.wasInFlight(message('message-49999'))).toBe(false);
});

test('a full disk keeps no bridge from starting, and what was under way stays in flight (on a disk of its own)', async (context) => {
  const disk = smallDisk(context, 2);
  const file = join(disk.folder, 'in-flight');
  openInFlightJournal(file, 0, 'boot-1').begin('a');
  disk.fill();
  const whileFull = openInFlightJournal(file, 5000, 'boot-1');
  expect(['a', 'b'].map((id) => whileFull.wasInFlight(message(id)))).toEqual([true, false]);
  expect(openInFlightJournal(file, 5000, 'boot-2').wasInFlight(message('b'))).toBe(true);
  disk.relieve();
  whileFull.end('a');
  whileFull.begin('b');
  const after = openInFlightJournal(file, 6000, 'boot-1');
  expect(['a', 'b'].map((id) => after.wasInFlight(message(id)))).toEqual([false, true]);
});

test('a full disk keeps no attempt from beginning; what is written afterwards can be read (on a disk of its own)', async (context) => {
  const disk = smallDisk(context, 2);
  const file = join(disk.folder, 'in-flight');
  const journal = openInFlightJournal(file, 0, 'boot-1');
  disk.fill();
  for (let n = 0; n < 500; n++) {
    journal.begin(`while-full-${n}`);
    journal.end(`while-full-${n}`);
  }
  disk.relieve();
  journal.begin('afterwards');
  const next = openInFlightJournal(file, 5000, 'boot-1');
  expect(next.wasInFlight(message('afterwards'))).toBe(true);
  expect(next.wasInFlight(message('another'))).toBe(false);
});

test('messages that an administrator has deleted are forgotten, over a restart too; what is under way is not', () => {
  const file = journalFile();
  const killed = openInFlightJournal(file, 5000, 'boot-1');
  for (const id of ['deleted', 'kept']) killed.begin(id);
  const journal = openInFlightJournal(file, 6000, 'boot-1');
  journal.begin('running');
  journal.prune((id) => id === 'kept');
  expect(['deleted', 'kept'].map((id) => journal.wasInFlight(message(id)))).toEqual([false, true]);
  const next = openInFlightJournal(file, 7000, 'boot-1');
  expect(['deleted', 'kept', 'running'].filter((id) => next.wasInFlight(message(id)))).toEqual(['kept', 'running']);
  expect(readFileSync(file, 'latin1')).not.toContain('deleted');
});

test('a lost machine leaves no list that grows with all the mail that comes later', () => {
  const file = journalFile();
  openInFlightJournal(file, 5000, 'boot-1').begin('a');
  const journal = openInFlightJournal(file, 9000, 'boot-2');
  for (let i = 0; i < 100; i++) {
    journal.begin(`later-${i}`);
    journal.end(`later-${i}`);
  }
  journal.prune((id) => id === 'a');
  expect(readFileSync(file, 'latin1')).not.toContain('later-');
  expect(journal.wasInFlight(message('a'))).toBe(true);
});
