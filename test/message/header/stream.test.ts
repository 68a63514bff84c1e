import { Readable, Writable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { HeaderBlock, HeaderTooLargeError } from '../../../src/message/header/fields.ts';
import { editHeader, replaceStart } from '../../../src/message/header/stream.ts';

function chunksOf(message: Buffer, size: number): Buffer[] {
  const chunks: Buffer[] = [];
  for (let start = 0; start < message.length; start += size) chunks.push(message.subarray(start, start + size));
  return chunks;
}

describe('editHeader', () => {
  const body = Buffer.from([...Array(1000).keys()].map((n) => (n * 7) % 256));
  const message = Buffer.concat([Buffer.from('Subject: x\r\nBcc: a@b\r\n\r\n'), body]);

  it.each([1, 2, 3, 13, 24, 25, 26, 5000])(
    'replaces the header and nothing else, arriving %i octets at a time',
    async (size) => {
      const edited = editHeader(Readable.from(chunksOf(message, size)), async (header) =>
        header.edit({ prefix: 'Date: now\r\n', drop: (field) => field.is('bcc') }),
      );
      const expected = Buffer.concat([Buffer.from('Date: now\r\nSubject: x\r\n\r\n'), body]);
      expect((await buffer(edited)).equals(expected)).toBe(true);
    },
  );

  it('passes the message as it is where the edit returns nothing', async () => {
    for (const text of ['', 'no header', 'A: 1', 'A: 1\r\n', '\r\n\r\n', 'From x\r\nA: 1\r\n\r\nB: 2\r\n']) {
      const passed = await buffer(editHeader(Readable.from([Buffer.from(text)]), () => undefined));
      expect(passed.toString()).toBe(text);
    }
  });

  it('passes on no empty piece, which would be the end where pieces are told by their length', async () => {
    for (const text of ['', 'no header', 'A: 1\r\n\r\n', '\r\nbody']) {
      const pieces: Buffer[] = [];
      const source = Readable.from([Buffer.from(text)]);
      for await (const piece of editHeader(source, () => undefined)) pieces.push(piece);
      expect(pieces.map((piece) => piece.length)).not.toContain(0);
      expect(Buffer.concat(pieces).toString()).toBe(text);
    }
    for await (const piece of replaceStart(Readable.from([message]), message.length, Buffer.from('x'))) {
      expect(piece.toString()).toBe('x');
    }
  });

  it('sees the same header as a parse of the whole message, however it is cut', async () => {
    const piece = fc.constantFrom('A: 1\r\n', 'b:', ' x\r\n', '\r\n', 'From ', 'junk', 'B : \n', '\r', '\n', '\xff');
    await fc.assert(
      fc.asyncProperty(fc.array(piece), fc.integer({ min: 1, max: 9 }), async (pieces, size) => {
        const whole = Buffer.from(pieces.join(''), 'latin1');
        let seen: HeaderBlock | undefined;
        const passed = await buffer(
          editHeader(Readable.from(chunksOf(whole, size)), (header) => {
            seen = header;
            return undefined;
          }),
        );
        expect(passed.equals(whole)).toBe(true);
        const parsed = HeaderBlock.parse(whole);
        expect(seen?.raw.toString('latin1')).toBe(parsed.raw.toString('latin1'));
        expect(seen?.fields.map((field) => field.raw.length)).toEqual(parsed.fields.map((field) => field.raw.length));
        expect(seen?.hasEmptyLine).toBe(parsed.hasEmptyLine);
      }),
      { numRuns: 500 },
    );
  });

  it('fails on a header beyond the limit without waiting for its end', async () => {
    const stalled = new Readable({ read: () => undefined });
    const rewritten = buffer(editHeader(stalled, () => undefined, { maxHeaderBytes: 1000 }));
    stalled.push('A: x\r\n'.repeat(200));
    await expect(rewritten).rejects.toThrow(HeaderTooLargeError);
    expect(stalled.destroyed).toBe(true);
  });

  it('fails on a line without end that would be a field, after the default limit', async () => {
    let asked = 0;
    const endless = new Readable({
      read() {
        this.push(asked++ === 0 ? 'A: x' : 'x'.repeat(600));
      },
    });
    await expect(buffer(editHeader(endless, () => undefined))).rejects.toThrow(HeaderTooLargeError);
    expect(asked * 600).toBeLessThan(2 * 1024 * 1024);
  });

  it('takes a header of exactly the limit', async () => {
    const maxHeaderBytes = message.length - body.length;
    await expect(buffer(editHeader(Readable.from([message]), () => undefined, { maxHeaderBytes }))).resolves.toEqual(
      message,
    );
    await expect(
      buffer(editHeader(Readable.from([message]), () => undefined, { maxHeaderBytes: maxHeaderBytes - 1 })),
    ).rejects.toThrow(HeaderTooLargeError);
  });

  it('fails with what the edit throws, and with what the source fails with', async () => {
    const refused = editHeader(Readable.from([message]), () => {
      throw new Error('sender not allowed');
    });
    await expect(buffer(refused)).rejects.toThrow('sender not allowed');
    const broken = new Readable({ read: () => undefined });
    const passed = buffer(editHeader(broken, () => undefined));
    broken.push('A: 1\r\n');
    broken.destroy(new Error('connection lost'));
    await expect(passed).rejects.toThrow('connection lost');
  });

  it('reads no further than a slow reader does', async () => {
    let produced = 0;
    const source = Readable.from(
      (async function* () {
        yield Buffer.from('A: 1\r\n\r\n');
        for (;;) {
          produced++;
          yield Buffer.alloc(65536);
        }
      })(),
      { objectMode: false },
    );
    const stuck = new Writable({ write: () => undefined });
    const ended = pipeline(
      editHeader(source, () => undefined),
      stuck,
    ).catch(() => undefined);
    for (let turn = 0; turn < 200; turn++) await new Promise(setImmediate);
    expect(produced).toBeLessThan(10);
    stuck.destroy();
    await ended;
  });
});

describe('replaceStart', () => {
  it('puts other octets in place of the first ones, however the message arrives', async () => {
    const text = Buffer.from('A: 1\r\n\r\nbody\r\n');
    for (const size of [1, 3, 8, text.length]) {
      const replaced = await buffer(replaceStart(Readable.from(chunksOf(text, size)), 8, Buffer.from('B: 22\r\n\r\n')));
      expect(replaced.toString()).toBe('B: 22\r\n\r\nbody\r\n');
    }
  });

  it('leaves the source when it is left, and fails as the source does', async () => {
    const source = new Readable({ read() {} });
    const left = replaceStart(source, 1, Buffer.from('x'));
    left.resume();
    await new Promise(setImmediate);
    left.destroy();
    await vi.waitFor(() => expect(source.destroyed).toBe(true));
    const broken = new Readable({ read() {} });
    const passed = buffer(replaceStart(broken, 1, Buffer.from('x')));
    broken.destroy(new Error('disk'));
    await expect(passed).rejects.toThrow('disk');
  });
});
