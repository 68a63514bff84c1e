import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HeaderBlock, type HeaderField, HeaderTooLargeError } from '../../../src/message/header/fields.ts';

function parse(text: string): HeaderBlock {
  return HeaderBlock.parse(Buffer.from(text, 'latin1'));
}

/** `name=value` of each field, then what follows the header. */
function seen(text: string): string[] {
  const header = parse(text);
  const body = text.slice(header.byteLength);
  return [...header.fields.map((field) => `${field.name}=${field.value()}`), `body=${body}`];
}

describe('HeaderBlock.parse', () => {
  it.each([
    ['A: 1\r\nB: 2\r\n\r\nbody\r\n', ['A=1', 'B=2', 'body=body\r\n']],
    ['A: 1\r\n\r\n', ['A=1', 'body=']],
    ['A: 1\r\n', ['A=1', 'body=']],
    ['A: 1', ['A=1', 'body=']],
    ['A: 1\r', ['A=1', 'body=']],
    ['', ['body=']],
    ['\r\nA: 1\r\n', ['body=A: 1\r\n']],
    ['\nA: 1\n', ['body=A: 1\n']],
    ['A:1\r\nB:\r\nC: \r\n\r\nx', ['A=1', 'B=', 'C=', 'body=x']],
    ['A: 1\r\n\t2\r\n  3\r\nB: 4\r\n\r\nx', ['A=1\t2  3', 'B=4', 'body=x']],
    ['A: 1\r\n \r\nB: 4\r\n\r\nx', ['A=1', 'B=4', 'body=x']],
    ['A: 1\nB: 2\n\nbody\n', ['A=1', 'B=2', 'body=body\n']],
    ['A \t: 1\r\n\r\nx', ['A=1', 'body=x']],
    ['A: x: y\r\n\r\n', ['A=x: y', 'body=']],
    ['From a@b Mon Jan  5 07:08:09 2026\r\nA: 1\r\n\r\nx', ['A=1', 'body=x']],
    ['From: a@b\r\n\r\nx', ['From=a@b', 'body=x']],
    ['From : a@b\r\n\r\nx', ['From=a@b', 'body=x']],
    ['A: 1\r\nFrom a@b Mon\r\n\r\nx', ['A=1', 'body=From a@b Mon\r\n\r\nx']],
    ['Hello there.\r\nBye.\r\n', ['body=Hello there.\r\nBye.\r\n']],
    [' indented: no field\r\n', ['body= indented: no field\r\n']],
    ['A: 1\r\nno field here\r\nB: 2\r\n\r\nx', ['A=1', 'body=no field here\r\nB: 2\r\n\r\nx']],
    ['A: 1\r\n: no name\r\n', ['A=1', 'body=: no name\r\n']],
    ['A: 1\r\nB\xe9: 2\r\n', ['A=1', 'B\xe9=2', 'body=']],
    ['A: 1\r\nB\x7f: 2\r\n', ['A=1', 'body=B\x7f: 2\r\n']],
    ['A: gr\xfc\xdfe\r\n\r\n', ['A=gr\xfc\xdfe', 'body=']],
  ])('%j holds %j', (text, expected) => {
    expect(seen(text)).toEqual(expected);
  });

  it('reads raw UTF-8 values as such', () => {
    expect(HeaderBlock.parse(Buffer.from('Subject: Grüße 用户\r\n\r\n')).get('subject')).toBe('Grüße 用户');
  });

  it('reads values of no known charset as Windows programs write them', () => {
    expect(parse('Subject: Scan \x96 2nd floor \x80\r\n\r\n').get('subject')).toBe('Scan – 2nd floor €');
  });

  it('finds fields in any case, the first or all of them', () => {
    const header = parse('reCeived: 1\r\nTo: x\r\nReceived: 2\r\n\r\n');
    expect(header.get('RECEIVED')).toBe('1');
    expect(header.getAll('received')).toEqual(['1', '2']);
    expect(header.get('Receive')).toBeUndefined();
  });

  it('says whether the empty line and an mbox line are there', () => {
    expect(parse('A: 1\r\n\r\n').hasEmptyLine).toBe(true);
    expect(parse('\r\n').hasEmptyLine).toBe(true);
    expect(parse('A: 1\r\n').hasEmptyLine).toBe(false);
    expect(parse('just text\r\n').hasEmptyLine).toBe(false);
    expect(parse('From x\r\nA: 1\r\n\r\n').mboxLine?.toString()).toBe('From x\r\n');
    expect(parse('A: 1\r\n\r\n').mboxLine).toBeUndefined();
  });

  it('copies nothing', () => {
    const message = Buffer.from('A: 1\r\n\r\nbody');
    const header = HeaderBlock.parse(message);
    expect(header.raw.buffer).toBe(message.buffer);
    expect(header.fields[0]?.raw.buffer).toBe(message.buffer);
  });

  it('refuses a header beyond the limit, and takes one that just fits', () => {
    const message = Buffer.from(`A: ${'x'.repeat(100)}\r\n\r\n${'y'.repeat(5000)}`);
    const size = message.indexOf('y');
    expect(HeaderBlock.parse(message, { maxHeaderBytes: size }).byteLength).toBe(size);
    expect(() => HeaderBlock.parse(message, { maxHeaderBytes: size - 1 })).toThrow(HeaderTooLargeError);
    expect(() => HeaderBlock.parse(Buffer.alloc(2_000_000, 'A: x\r\n'))).toThrow(HeaderTooLargeError);
  });

  it('sees a body without header that is one line of any length', () => {
    expect(HeaderBlock.parse(Buffer.alloc(3_000_000, 'x y')).byteLength).toBe(0);
    expect(HeaderBlock.parse(Buffer.alloc(3_000_000, 'x')).byteLength).toBe(0);
  });

  it('accounts for every octet of anything at all', () => {
    const line = fc.constantFrom('A: 1', 'b:', ' x', '\t', '', 'From x', 'junk', ':', 'A :', '\xff', 'C: \r');
    const end = fc.constantFrom('\r\n', '\r\n', '\n', '\r', '');
    fc.assert(
      fc.property(fc.array(fc.tuple(line, end)), (lines) => {
        const text = lines.flat().join('');
        const header = parse(text);
        const fields = header.fields.map((field) => field.raw.toString('latin1')).join('');
        const raw = header.raw.toString('latin1');
        expect(raw).toBe(text.slice(0, header.byteLength));
        expect(['', '\n', '\r\n']).toContain(raw.slice((header.mboxLine?.length ?? 0) + fields.length));
        expect(raw.startsWith((header.mboxLine?.toString('latin1') ?? '') + fields)).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('HeaderBlock.edit', () => {
  it('puts fields before and behind, leaves fields out, and keeps the octets of all others', () => {
    const header = parse('A:  1\r\n\t2\r\nbCC: x,\r\n y\r\nC : \xe9\r\n\r\nbody');
    const edited = header.edit({ prefix: 'P: 1\r\n', suffix: 'S: 1\r\n', drop: (field) => field.is('Bcc') });
    expect(edited.toString('latin1')).toBe('P: 1\r\nA:  1\r\n\t2\r\nC : \xe9\r\nS: 1\r\n\r\n');
  });

  it('changes nothing unasked', () => {
    const header = parse('A: 1\r\n\r\nbody');
    expect(header.edit().equals(header.raw)).toBe(true);
  });

  it.each([
    ['A: 1', 'A: 1\r\n\r\n'],
    ['A: 1\r', 'A: 1\r\n\r\n'],
    ['A: 1\r\nbody', 'A: 1\r\n\r\n'],
    ['body', '\r\n'],
    ['From x\r\nA: 1\r\n\r\n', 'A: 1\r\n\r\n'],
  ])('makes %j whole', (text, expected) => {
    expect(parse(text).edit().toString()).toBe(expected);
  });
});

describe('A field', () => {
  const field = (text: string) => {
    const [first] = parse(text).fields;
    if (first === undefined) throw new Error(`no field in ${JSON.stringify(text)}`);
    return first;
  };

  it.each([
    ['A: 1\r\n', ' 1'],
    ['A:1\r\n', '1'],
    ['A: 1\n', ' 1'],
    ['A: 1', ' 1'],
    ['A: 1\r', ' 1'],
    ['A:\t1 \r\n  2\r\n', '\t1 \r\n  2'],
    ['A:\r\n', ''],
    ['A : b: c\r\n', ' b: c'],
  ])('%j has the value %j, as it came', (text, value) => {
    expect(field(text).valueOctets().toString()).toBe(value);
  });

  it.each([
    ['A: 1', 'A: 1\r\n', 'A: 1\r\n'],
    ['A: 1\r', 'A: 1\r\n', 'A: 1\r\n'],
    ['A: 1\n', 'A: 1\n', 'A: 1\n'],
    ['A: 1\r\n', 'A: 1\r\n', 'A: 1\r\n'],
    ['A \t: 1 : 2', 'A \t: 1 : 2\r\n', 'A: 1 : 2\r\n'],
  ])('%j is the whole line %j, and the plain one %j', (text, whole, plain) => {
    expect(field(text).wholeLine().toString()).toBe(whole);
    expect(field(text).plainLine().toString()).toBe(plain);
  });

  it('is of a name in any case, and of no other that begins or ends like it', () => {
    const header = parse('Reply-To: 1\r\nTo: 2\r\nTO : 3\r\n\r\n');
    expect(header.count('tO')).toBe(2);
    expect(header.count('Reply')).toBe(0);
    expect(header.field('to')?.value()).toBe('2');
    expect(field('To: 2').is('Cc')).toBe(false);
  });
});

describe('HeaderBlock.with', () => {
  const header = parse('A: 1\r\nB: 2\r\nC : 3\r\n\r\nbody');
  const [a, b, c] = header.fields as [HeaderField, HeaderField, HeaderField];
  const lines = (block: HeaderBlock) => block.raw.toString();

  it('is the very same header where nothing changes', () => {
    expect(header.with(new Map())).toBe(header);
  });

  it('has other fields in place of some, and more behind the last', () => {
    const changed = header.with(new Map([[b, Buffer.from('B: 4\r\nB: 5\r\n')]]), 'D: 6\r\n');
    expect(lines(changed)).toBe('A: 1\r\nB: 4\r\nB: 5\r\nC : 3\r\nD: 6\r\n\r\n');
    expect(changed.fields.map((field) => `${field.name}=${field.value()}`)).toEqual([
      'A=1',
      'B=4',
      'B=5',
      'C=3',
      'D=6',
    ]);
    expect(changed.fields[0]).toBe(a);
    expect(changed.hasEmptyLine).toBe(true);
    expect(changed.mboxLine).toBeUndefined();
    expect(lines(header.with(new Map(), 'D: 6\r\n'))).toBe('A: 1\r\nB: 2\r\nC : 3\r\nD: 6\r\n\r\n');
  });

  it('leaves a field out for which nothing stands', () => {
    const nothing = Buffer.alloc(0);
    expect(lines(header.with(new Map([a, c].map((field) => [field, nothing]))))).toBe('B: 2\r\n\r\n');
    expect(lines(parse('From x\r\nA: 1').with(new Map(), 'B: 2\r\n'))).toBe('A: 1\r\nB: 2\r\n\r\n');
  });

  it('grows to 1 MiB, and not beyond', () => {
    const room = 1024 * 1024 - header.raw.length - 'D: \r\n'.length;
    expect(header.with(new Map(), `D: ${'x'.repeat(room)}\r\n`).byteLength).toBe(1024 * 1024);
    expect(() => header.with(new Map(), `D: ${'x'.repeat(room + 1)}\r\n`)).toThrow(
      'The message header is larger than 1048576 octets.',
    );
  });
});
