import { Readable } from 'node:stream';
import { describe, expect, it, test } from 'vitest';
import type { MimePart } from '../../../src/message/mime/part.ts';
import { readMimeStructure, readPart, readParts } from '../../../src/message/mime/reader.ts';
import { type MimeLimits, MimeScanner } from '../../../src/message/mime/scanner.ts';

const limits: MimeLimits = { maxParts: 100, maxDepth: 50, maxHeaderBytes: 10_000 };

function scanned(text: string, change: Partial<MimeLimits> = {}, pieceOctets = 7): MimePart {
  const scanner = new MimeScanner({ ...limits, ...change });
  const octets = Buffer.from(text);
  for (let at = 0; at < octets.length; at += pieceOctets) scanner.push(octets.subarray(at, at + pieceOctets));
  return scanner.end();
}

const mixed = (boundary: string) => `Content-Type: multipart/mixed; boundary="${boundary}"\r\n\r\n`;

describe('A message may have', () => {
  it('so many parts, itself included', () => {
    const three = `${mixed('b')}--b\r\n\r\none\r\n--b\r\n\r\ntwo\r\n--b--`;
    expect(scanned(three, { maxParts: 3 }).parts).toHaveLength(2);
    expect(() => scanned(three, { maxParts: 2 })).toThrow('too many parts');
  });

  it('so many multiparts within one another', () => {
    const three = `${mixed('b')}--b\r\n${mixed('c')}--c\r\n${mixed('d')}--d\r\n\r\nx`;
    expect(scanned(three, { maxDepth: 3 }).parts[0]?.parts[0]?.parts).toHaveLength(1);
    expect(() => scanned(three, { maxDepth: 2 })).toThrow('too many parts');
    // Those that have ended do not count.
    const one = `--b\r\n${mixed('c')}--c\r\n\r\nx\r\n--c--\r\n`;
    expect(scanned(`${mixed('b')}${one.repeat(20)}`, { maxDepth: 2 }).parts).toHaveLength(20);
  });

  it('so many octets of headers, in all', () => {
    const text = `${mixed('b')}--b\r\nA: 1\r\n\r\none\r\n--b\r\nA: 2\r\n\r\ntwo`;
    const octets = mixed('b').length + 2 * 'A: 1\r\n\r\n'.length;
    expect(scanned(text, { maxHeaderBytes: octets }).parts).toHaveLength(2);
    expect(() => scanned(text, { maxHeaderBytes: octets - 1 })).toThrow(`larger than ${octets - 1} octets`);
    expect(scanned('A: 1\r\n\r\n', { maxHeaderBytes: 8 }).start).toBe(8);
    expect(() => scanned(`A: ${'x'.repeat(20)}`, { maxHeaderBytes: 10 })).toThrow('larger than 10 octets');
  });

  it('1,000 parts, 50 within one another, and 2 MiB of headers, to be sent part by part', async () => {
    const read = (text: string) => readMimeStructure(() => Readable.from([Buffer.from(text)]), Buffer.byteLength(text));
    const parts = (count: number) => `${mixed('b')}${'--b\r\n\r\nx\r\n'.repeat(count)}`;
    expect((await read(parts(999))).parts).toHaveLength(999);
    await expect(read(parts(1000))).rejects.toThrow('too many parts');
    const deep = (count: number) =>
      Array.from({ length: count }, (_, index) => `${mixed(`b${index}`)}--b${index}\r\n`).join('');
    expect((await read(deep(50))).type).toBe('multipart/mixed');
    await expect(read(deep(51))).rejects.toThrow('too many parts');
    const most = 2 * 1024 * 1024;
    const full = `A: ${'x'.repeat(most - 7)}\r\n\r\n`;
    expect((await read(full)).start).toBe(most);
    await expect(read(`B${full}`)).rejects.toThrow(`larger than ${most} octets`);
  });
});

describe('A delimiter', () => {
  const types = (part: MimePart): string =>
    part.parts.length === 0 ? part.type : `${part.type}(${part.parts.map(types).join(' ')})`;

  it('that is the end of one multipart and the delimiter of another is that of the inner one', () => {
    const inner = `${mixed('b').replace('mixed', 'outer')}--b\r\n${mixed('b--').replace('mixed', 'inner')}--b--\r\n\r\none\r\n--b--\r\n\r\ntwo\r\n--b----\r\n--b\r\n\r\nthree`;
    expect(types(scanned(inner))).toBe('multipart/outer(multipart/inner(text/plain text/plain) text/plain)');
    const outer = `${mixed('b--').replace('mixed', 'outer')}--b--\r\n${mixed('b').replace('mixed', 'inner')}--b\r\n\r\none\r\n--b--\r\n--b--\r\n\r\ntwo`;
    expect(types(scanned(outer))).toBe('multipart/outer(multipart/inner(text/plain) text/plain)');
  });

  it('may be used again behind its multipart', () => {
    const one = `--b\r\n${mixed('c')}--c\r\n\r\nx\r\n--c--\r\n`;
    expect(types(scanned(`${mixed('b')}${one}${one}--b--`))).toBe(
      'multipart/mixed(multipart/mixed(text/plain) multipart/mixed(text/plain))',
    );
  });

  it('of the outer multipart ends those within, also one without parts', () => {
    const text = `${mixed('b')}--b\r\n${mixed('c')}nothing\r\n--b\r\n\r\nx\r\n--c\r\n\r\ny`;
    const { parts, defects } = scanned(text);
    expect(parts.map((part) => part.defects)).toEqual([['no-parts'], []]);
    expect(defects).toEqual([]);
    expect(parts[0]?.bodyEnd).toBe(text.indexOf('\r\n--b\r\n\r\nx'));
    expect(text.slice(parts[1]?.start, parts[1]?.end)).toBe('x\r\n--c\r\n\r\ny');
  });

  it('is a boundary in whatever octets, without blanks at its end', () => {
    expect(types(scanned(`${mixed('ü')}--ü\r\n\r\nx\r\n--ü--`))).toBe('multipart/mixed(text/plain)');
    expect(types(scanned(`${mixed('a b \t')}--a b\r\n\r\nx\r\n--a b--`))).toBe('multipart/mixed(text/plain)');
    expect(scanned(`${mixed(' ')}-- \r\n\r\nx`)).toMatchObject({ defects: ['bad-boundary'], parts: [] });
  });
});

describe('What the header of a part says', () => {
  const part = (...fields: string[]) => scanned(`${fields.join('\r\n')}\r\n\r\nx`);

  it.each([
    ['IMAGE/PNG', 'image/png'],
    ['text', 'text/plain'],
    ['text/', 'text/plain'],
    ['/plain', 'text/plain'],
    ['a/b/c', 'text/plain'],
    ['text /html', 'text/plain'],
    ['text/html x', 'text/plain'],
    ['x text/html', 'text/plain'],
    ['', 'text/plain'],
  ])('Content-Type: %s is %s', (field, type) => {
    expect(part(`Content-Type: ${field}`).type).toBe(type);
  });

  it.each([
    ['Base64', 'base64', []],
    ['QUOTED-PRINTABLE', 'quoted-printable', []],
    ['binary', 'binary', []],
    ['8bit (really)', '8bit', []],
    ['', '7bit', []],
    ['7-bit', 'binary', ['unknown-encoding']],
  ])('Content-Transfer-Encoding: %s is %s', (field, encoding, defects) => {
    expect(part(`Content-Transfer-Encoding: ${field}`)).toMatchObject({ encoding, defects });
  });

  it('and what that of a multipart must not say', () => {
    const multipart = (encoding: string) =>
      part('Content-Type: multipart/x; boundary=b', `Content-Transfer-Encoding: ${encoding}`);
    for (const encoding of ['7bit', '8bit', 'binary'])
      expect(multipart(encoding)).toMatchObject({ encoding, defects: ['no-parts'] });
    for (const encoding of ['base64', 'quoted-printable']) {
      expect(multipart(encoding)).toMatchObject({ encoding: 'binary', defects: ['unknown-encoding', 'no-parts'] });
    }
  });

  it.each([
    [['Content-Disposition: attachment; filename=a.pdf'], 'attachment', 'a.pdf'],
    [['Content-Disposition: INLINE', 'Content-Type: a/b; name=b.pdf'], 'inline', 'b.pdf'],
    [['Content-Disposition: x; filename=a.pdf', 'Content-Type: a/b; name=b.pdf'], 'x', 'a.pdf'],
    [['Content-Type: a/b; name="=?utf-8?Q?=C3=9C.pdf?="'], undefined, 'Ü.pdf'],
    [['Content-Disposition: x; filename="C:\\\\scans\\\\a.pdf"'], 'x', 'a.pdf'],
    [['Content-Disposition: x; filename="../../etc/ a.pdf "'], 'x', 'a.pdf'],
    [['Content-Disposition: x; filename="scans/"'], 'x', undefined],
    [['Content-Disposition: x; filename="a/b\\\\c.pdf"'], 'x', 'c.pdf'],
    [['Content-Disposition: x; filename="a\\\\b/c.pdf"'], 'x', 'c.pdf'],
    [['Content-Disposition: ; filename=a.pdf'], undefined, 'a.pdf'],
    [['Subject: x'], undefined, undefined],
  ])('%j: disposition %s, file name %s', (fields, disposition, fileName) => {
    const { disposition: found, fileName: name } = part(...fields);
    expect([found, name]).toEqual([disposition, fileName]);
  });

  it.each(['Content-Type', 'Content-Transfer-Encoding', 'Content-Disposition'])('%s twice is a defect', (name) => {
    expect(part(`${name}: 8bit`, `${name}: 8bit`).defects).toContain('repeated-field');
    expect(part(`${name}: 8bit`).defects).not.toContain('repeated-field');
  });
});

test.each([
  ['base64', 'YWI', 2],
  ['base64', 'YWJj\r\nYQ==', 4],
  ['quoted-printable', 'a=\r\nb=3D ', 3],
  ['quoted-printable', 'a=', 1],
  ['8bit', 'a=41', 4],
])('Encoded as %s, %j holds %i octets', (encoding, body, octets) => {
  for (const pieceOctets of [1, 3, 100]) {
    const text = `Content-Transfer-Encoding: ${encoding}\r\n\r\n${body}`;
    expect(scanned(text, {}, pieceOctets)).toMatchObject({ decodedOctets: octets, end: text.length });
  }
});

describe('The contents of parts', () => {
  const text = `${mixed('b')}--b\r\n\r\none\r\n--b\r\n\r\n\r\n--b\r\nContent-Transfer-Encoding: base64\r\n\r\ndGhyZWU=\r\n--b\r\n\r\n`;
  const root = scanned(text);
  const open = (size: number) => () =>
    Readable.from(
      Array.from({ length: Math.ceil(text.length / size) }, (_, index) =>
        Buffer.from(text.slice(index * size, (index + 1) * size)),
      ),
    );

  it('are read in the order of the message, whatever the order asked for, each with one last piece', async () => {
    const orders = [root.parts, root.parts.toReversed(), [2, 0, 3, 1].map((index) => root.parts[index] as MimePart)];
    for (const size of [1, 2, 5, 1000]) {
      for (const parts of orders) {
        const read: { part: MimePart; text: string; last: number }[] = [];
        for await (const { part, octets, isLast } of readParts(open(size), parts)) {
          if (read.at(-1)?.part !== part) read.push({ part, text: '', last: 0 });
          const current = read.at(-1) as (typeof read)[number];
          expect(current.last).toBe(0);
          current.text += octets.toString();
          if (isLast) current.last += 1;
        }
        expect(read.map(({ part }) => part)).toEqual(root.parts);
        expect(read.map(({ text, last }) => [text, last])).toEqual([
          ['one', 1],
          ['', 1],
          ['three', 1],
          ['', 1],
        ]);
      }
    }
  });

  it('are read no further than they go, and none of them opens nothing', async () => {
    const stream = open(5)();
    expect((await readPart(() => stream, root.parts[0] as MimePart)).toString()).toBe('one');
    expect(stream.destroyed).toBe(true);
    const none = readParts(() => {
      throw new Error('opened');
    }, []);
    expect(await none.next()).toEqual({ done: true, value: undefined });
  });

  it('are missed where the message has become shorter', async () => {
    const third = root.parts[2] as MimePart;
    const short = () => Readable.from([Buffer.from(text.slice(0, third.end - 1))]);
    await expect(readPart(short, third)).rejects.toThrow(
      `The message has ${third.end - 1} octets where ${third.end} were expected.`,
    );
    const shorter = () => Readable.from([Buffer.from(text.slice(0, 10))]);
    await expect(readPart(shorter, third)).rejects.toThrow('has 10 octets');
    const exact = () => Readable.from([Buffer.from(text.slice(0, third.end))]);
    expect((await readPart(exact, third)).toString()).toBe('three');
  });
});
