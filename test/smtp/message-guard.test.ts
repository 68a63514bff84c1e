import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { describe, expect, test } from 'vitest';
import type { LineEndFault } from '../../src/message/line-ends.ts';
import { guarded, holdsNul } from '../../src/smtp/message-guard.ts';

const stream = (...pieces: string[]) =>
  Readable.from(
    pieces.map((piece) => Buffer.from(piece)),
    { objectMode: false },
  );

/** What a message is read as, and the reply that it fails with. */
async function read(source: Readable, fault: () => LineEndFault | undefined = () => undefined, maxBytes = 100) {
  let seen = '';
  try {
    for await (const chunk of guarded(source, maxBytes, fault)) seen += chunk.toString();
  } catch (error) {
    const { status, enhanced, message } = error as { status?: number; enhanced?: string; message: string };
    return { seen, failure: [status, enhanced, message].filter(Boolean).join(' ') };
  }
  return { seen };
}

test('a sound message comes as it is, up to the last octet that is accepted', async () => {
  expect(await read(stream('a\r\n', 'b\r\n'))).toEqual({ seen: 'a\r\nb\r\n' });
  expect(await read(stream('a'.repeat(98), '\r\n'))).toEqual({ seen: `${'a'.repeat(98)}\r\n` });
  expect(await read(stream())).toEqual({ seen: '' });
});

describe('a message fails with the right reply', () => {
  test('at the octet that is too many', async () => {
    expect(await read(stream('a\r\n', 'a'.repeat(97), 'b'))).toEqual({
      seen: `a\r\n${'a'.repeat(97)}`,
      failure: '552 5.3.4 Message is larger than the 100 octets accepted here',
    });
  });

  test('at a NUL', async () => {
    const failure = '554 5.6.0 Message holds a NUL octet, which no mail may hold (RFC 5321 section 4.5.2)';
    expect(await read(stream('a\r\n', 'b\0c\r\n', 'd\r\n'))).toEqual({ seen: 'a\r\n', failure });
  });

  const text = (what: string) =>
    `554 5.6.11 Message holds a ${what}; end every line with CRLF (RFC 5321 section 2.3.8)`;

  test.each([
    ['an LF alone', 'b\nc', text('LF without CR')],
    ['a CR alone', 'b\rc', text('CR without LF')],
  ])('at %s that the decoder left', async (_, piece, failure) => {
    expect(await read(stream('a\r\n', piece))).toEqual({ seen: 'a\r\n', failure });
  });

  test('at a CR that nothing follows', async () => {
    expect(await read(stream('a\r'))).toEqual({ seen: 'a\r', failure: text('CR without LF') });
  });

  test.each<[LineEndFault, string]>([
    ['bare-lf', text('LF without CR')],
    ['bare-cr', text('CR without LF')],
  ])('before the next octets once the decoder tells of %s, and at the end', async (kind, failure) => {
    expect(await read(stream('a\r\n'), () => kind)).toEqual({ seen: '', failure });
    const faults = [undefined, kind];
    expect(await read(stream('a\r\n'), () => faults.shift())).toEqual({ seen: 'a\r\n', failure });
  });
});

test('the failure of the stream itself stays what it is', async () => {
  const broken = new Readable({
    read() {
      this.destroy(new Error('connection reset'));
    },
  });
  expect(await read(broken)).toEqual({ seen: '', failure: 'connection reset' });
});

test('a reader that stops early leaves the rest for whoever reads it to its end', async () => {
  const source = stream('a\r\n', 'b\r\n');
  for await (const _ of guarded(source, 100, () => undefined)) break;
  expect(source.destroyed).toBe(false);
  expect((await buffer(source)).toString()).toBe('b\r\n');
});

test('a NUL is found wherever it stands', () => {
  expect(['', 'a', 'a\0', '\0a'].map((text) => holdsNul(Buffer.from(text)))).toEqual([false, false, true, true]);
});
