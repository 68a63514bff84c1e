import { Readable } from 'node:stream';
import { expect, test } from 'vitest';
import { headerStart, messageStart } from '../../src/message/message-start.ts';

test('The start of a message is read up to the piece that makes it long enough, and the rest is left', async () => {
  const pieces = ['one', 'two', 'three'].map((text) => Buffer.from(text));
  const stream = Readable.from(pieces);
  expect((await messageStart(stream, 6)).toString()).toBe('onetwo');
  expect(stream.destroyed).toBe(true);
  expect((await messageStart(Readable.from(pieces), 7)).toString()).toBe('onetwothree');
  expect((await messageStart(Readable.from(pieces), 100)).toString()).toBe('onetwothree');
});

test('Of a header its first 64 KiB are read, whatever follows', async () => {
  const filler = `X: ${'x'.repeat(61)}\r\n`.repeat(1000);
  const message = Buffer.from(`A: 1\r\n${filler}Z: last\r\n\r\nbody`);
  const header = await headerStart(Readable.from([message.subarray(0, 10), message.subarray(10)]));
  expect(header.get('A')).toBe('1');
  expect(header.byteLength).toBe(65_536);
  expect(header.get('Z')).toBeUndefined();
  expect((await headerStart(Readable.from([Buffer.from('A: 1\r\n\r\nB: 2')]))).fields).toHaveLength(1);
});
