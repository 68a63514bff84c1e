import { expect, test } from 'vitest';
import { OwnChanges } from '../../../../src/mailstores/graph/sync/own-changes.ts';

test('what was asked for before a change says nothing of it', () => {
  const changes = new OwnChanges();
  const before = changes.now();
  const end = changes.begin(['a']);
  expect([changes.since('a', before), changes.since('b', before)]).toEqual([true, false]);
  end();
  expect([changes.since('a', before), changes.since('a', changes.now())]).toEqual([true, false]);
});

test('what was asked for before others have written may be older; what they have written beside our change, too', () => {
  const changes = new OwnChanges();
  const before = changes.now();
  const end = changes.begin(['ours']);
  changes.others(['theirs']);
  expect([changes.othersSince(before), changes.othersSince(changes.now())]).toEqual([true, false]);
  expect([changes.since('theirs', before), changes.since('theirs', changes.now())]).toEqual([true, false]);
  expect(changes.takeDoubtful()).toEqual(['ours']);
  end();
  // How far they have come is something, too.
  const later = changes.now();
  changes.others([]);
  expect([changes.othersSince(later), changes.hasDoubts]).toEqual([true, false]);
  changes.doubtOthersSince(later);
  expect(changes.hasDoubts).toBe(false);
  changes.doubtOthersSince(before);
  expect(changes.takeDoubtful()).toEqual(['theirs']);
});

test('changes of a folder that nobody compares are forgotten, and doubted then', () => {
  const changes = new OwnChanges();
  const before = changes.now();
  const endFirst = changes.begin(['under way']);
  for (let number = 0; number < 30_000; number++) changes.begin([`m${number}`])();
  expect(changes.size).toBeLessThanOrEqual(10_000);
  expect(changes.since('under way', changes.now())).toBe(true);
  // Forgotten: it may have changed since.
  expect(changes.since('m0', before)).toBe(true);
  expect(changes.since('m0', changes.now())).toBe(false);
  expect(changes.since('m29999', changes.now() - 1)).toBe(true);
  endFirst();
});
