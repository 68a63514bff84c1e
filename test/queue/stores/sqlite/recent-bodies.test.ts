import { expect, test } from 'vitest';
import { RecentBodies } from '../../../../src/queue/stores/sqlite/recent-bodies.ts';

const half = () => Buffer.alloc(1024 * 1024);

test('a body is there until it is forgotten', () => {
  const recent = new RecentBodies();
  const content = Buffer.from('x');
  recent.keep('a', content);
  expect(recent.get('a')).toBe(content);
  recent.forget('a');
  recent.forget('a');
  expect(recent.get('a')).toBeUndefined();
});

test('the oldest go where there are more than two megabytes of them', () => {
  const recent = new RecentBodies();
  for (const id of ['a', 'b']) recent.keep(id, half());
  expect(recent.get('a')).toBeDefined();
  recent.keep('c', Buffer.alloc(1));
  expect(recent.get('a')).toBeUndefined();
  expect(recent.get('b')).toBeDefined();
});

test('what was forgotten, or kept twice, takes no room', () => {
  const recent = new RecentBodies();
  recent.keep('a', half());
  recent.forget('a');
  recent.keep('b', half());
  recent.keep('b', half());
  recent.keep('c', half());
  expect(recent.get('b')).toBeDefined();
  recent.forgetAll();
  for (const id of ['d', 'e']) recent.keep(id, half());
  expect([recent.get('c'), recent.get('d')].map(Boolean)).toEqual([false, true]);
});
