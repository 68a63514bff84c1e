import { expect, test } from 'vitest';
import type { QueuedMessage } from '../../../src/queue/message.ts';
import { adoptedMessage, assertPlainId } from '../../../src/queue/stores/adopted.ts';

const adopt = (more: Partial<QueuedMessage>, body?: { size: number; crc: number }, bodyCrc: number | undefined = 7) =>
  adoptedMessage({ message: { id: 'm', state: 'queued', size: 10, ...more } as QueuedMessage, bodyCrc } as never, body);

test('a message of another store whose body is there stays what it is', () => {
  for (const state of ['queued', 'held', 'failed'] as const)
    expect(adopt({ state }, { size: 10, crc: 7 })).toEqual({ id: 'm', state, size: 10 });
});

test('one whose body is another, or missing, is set aside, and says why', () => {
  const damaged = 'The body of message m is damaged: its checksum is wrong.';
  expect(adopt({}, { size: 11, crc: 7 })).toMatchObject({ state: 'quarantined', damage: damaged });
  expect(adopt({}, { size: 10, crc: 8 })).toMatchObject({ state: 'quarantined', damage: damaged });
  const missing = 'The body of message m is missing or incomplete.';
  expect(adopt({ state: 'held' })).toMatchObject({ state: 'quarantined', damage: missing });
});

test('one whose checksum nobody has noted counts by its size', () => {
  const message = { id: 'm', state: 'queued', size: 10 } as QueuedMessage;
  expect(adoptedMessage({ message } as never, { size: 10, crc: 8 })).toBe(message);
  expect(adoptedMessage({ message } as never, { size: 9, crc: 8 }).state).toBe('quarantined');
});

test('a body is not looked for of one that is delivered or set aside already', () => {
  expect(adopt({ state: 'delivered' })).toEqual({ id: 'm', state: 'delivered', size: 10 });
  expect(adopt({ state: 'quarantined', damage: 'x' })).toEqual({
    id: 'm',
    state: 'quarantined',
    damage: 'x',
    size: 10,
  });
});

test.each(['a', 'Z9', 'a'.repeat(64)])('an id may become the name of a file: %s', (id) => {
  expect(() => assertPlainId(id)).not.toThrow();
});

test.each(['', 'a'.repeat(65), '../a', 'a/b', 'a.b', 'ü', 'a\n', ' a', 'a '])('another may not: %j', (id) => {
  expect(() => assertPlainId(id)).toThrow(
    expect.objectContaining({
      code: 'queue-unreadable',
      message: expect.stringContaining('The queue holds a message whose id is none: '),
    }),
  );
});
