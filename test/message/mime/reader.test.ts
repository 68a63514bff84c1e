import { Readable } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { allParts, type MimePart } from '../../../src/message/mime/part.ts';
import { readMimeStructure, readPart, readParts, readWholeMime } from '../../../src/message/mime/reader.ts';
import { type MimeLimits, MimeScanner } from '../../../src/message/mime/scanner.ts';
import { generatedMessage } from '../mime-tree.ts';

function opener(octets: Buffer, pieceOctets = 65_536): () => Readable {
  function* pieces() {
    for (let at = 0; at < octets.length; at += pieceOctets) yield octets.subarray(at, at + pieceOctets);
  }
  return () => Readable.from(pieces(), { objectMode: false });
}

function structure(source: string | Buffer, pieceOctets?: number): Promise<MimePart> {
  const octets = Buffer.from(source);
  return readMimeStructure(opener(octets, pieceOctets), octets.length);
}

/** The tree on one line, with the contents as in the message. */
function outline(part: MimePart, source: string): string {
  const defects = part.defects.map((defect) => `!${defect}`).join('');
  if (part.parts.length > 0)
    return `${part.type}${defects}(${part.parts.map((each) => outline(each, source)).join(' ')})`;
  return `${part.type}${defects}${JSON.stringify(source.slice(part.start, part.end))}`;
}

const mixed = 'Content-Type: multipart/mixed; boundary=b\n\n';
const inner = 'Content-Type: multipart/alternative; boundary=c\n\n';

describe('The structure of a message', () => {
  it.each([
    ['', 'text/plain""'],
    ['Subject: x\n\nbody\n', 'text/plain"body\\r\\n"'],
    ['Content-Type: text\n\nbody', 'text/plain"body"'],
    ['no header at all', 'text/plain"no header at all"'],
    ['Content-Type: image/png', 'image/png""'],
    [
      `${mixed}--b\n\none\n--b\nContent-Type: a/b\n\ntwo\n\n--b--\nepilogue`,
      'multipart/mixed(text/plain"one" a/b"two\\r\\n")',
    ],
    [`${mixed}preamble --b\n --b\n--bx\n--b\n\none\n--b--`, 'multipart/mixed(text/plain"one")'],
    [`${mixed}--b\n\none\n--bxy\n--b----\n--b--`, 'multipart/mixed(text/plain"one\\r\\n--bxy\\r\\n--b----")'],
    [`${mixed}--b  \n\none\n--b-- \t\n--b\n\ntwo`, 'multipart/mixed(text/plain"one")'],
    [`${mixed}--b\n\n--b\n\n\n--b--`, 'multipart/mixed(text/plain"" text/plain"")'],
    [`${mixed}--b\n--b\nContent-Type: a/b\n--b--`, 'multipart/mixed(text/plain"" a/b"")'],
    [`${mixed}--b\nContent-Type: a/b\nnot a field\n--b--`, 'multipart/mixed(a/b"not a field")'],
    // The end is missing: of the last part, of the inner multipart, of the outer one.
    [`${mixed}--b\n\none\n`, 'multipart/mixed(text/plain"one\\r\\n")'],
    [
      `${mixed}--b\n${inner}--c\n\none\n--b\n\ntwo\n--b--`,
      'multipart/mixed(multipart/alternative(text/plain"one") text/plain"two")',
    ],
    [
      `${mixed}--b\n${inner}--c\n\none\n--c--\n--b\n\ntwo`,
      'multipart/mixed(multipart/alternative(text/plain"one") text/plain"two")',
    ],
    [`${mixed}nothing begins`, 'multipart/mixed!no-parts""'],
    [
      'Content-Type: multipart/mixed\n\n--b\n\none\n--b--',
      'multipart/mixed!bad-boundary"--b\\r\\n\\r\\none\\r\\n--b--"',
    ],
    [
      `${mixed}--b\nContent-Type: multipart/related; boundary=b\n\n--b\n\nx\n--b--`,
      'multipart/mixed(multipart/related!bad-boundary"" text/plain"x")',
    ],
    [
      'Content-Type: multipart/digest; boundary=b\n\n--b\n\nSubject: x\n\n--b--',
      'multipart/digest(message/rfc822"Subject: x\\r\\n")',
    ],
    [
      `${mixed}--b\nContent-Type: message/rfc822\n\n${mixed}--c\n--b--`,
      'multipart/mixed(message/rfc822"Content-Type: multipart/mixed; boundary=b\\r\\n\\r\\n--c")',
    ],
    ['Content-Type: a/b\nContent-Type: c/d\n\n', 'a/b!repeated-field""'],
    ['Content-Transfer-Encoding: x-uuencode\n\nx', 'text/plain!unknown-encoding"x"'],
    [`Content-Transfer-Encoding: base64\n${mixed}--b\n\nx\n--b--`, 'multipart/mixed!unknown-encoding(text/plain"x")'],
    ['Content-Transfer-Encoding: base64\n\nYQ==YQ==', 'text/plain!ambiguous-base64"YQ==YQ=="'],
  ])('%j', async (text, expected) => {
    const source = text.replaceAll('\n', '\r\n');
    for (const pieceOctets of [1, 2, 3, 7, 1000]) {
      expect(outline(await structure(source, pieceOctets), source)).toBe(expected);
    }
  });

  it('knows no delimiters above 1,000 octets, however the message is cut', async () => {
    for (const blanks of [995, 996, 5000]) {
      const source = `${mixed}--b${' '.repeat(blanks)}\n\none\n--b--`.replaceAll('\n', '\r\n');
      const expected = blanks === 995 ? 'multipart/mixed(text/plain"one")' : 'multipart/mixed!no-parts""';
      for (const pieceOctets of [1, 999, 1000, 1001, 1100, 10_000]) {
        expect(outline(await structure(source, pieceOctets), source)).toBe(expected);
      }
    }
  });

  it('with bare line feeds is found as well', async () => {
    const source = `${mixed}--b\n\none\n--b\n\ntwo\n--b--\n`;
    expect(outline(await structure(source), source)).toBe('multipart/mixed(text/plain"one" text/plain"two")');
  });

  it('is the same in whatever pieces the message comes, and so are the contents', async () => {
    await fc.assert(
      fc.asyncProperty(generatedMessage, fc.integer({ min: 1, max: 200 }), async ({ source }, pieceOctets) => {
        const whole = await structure(source);
        expect(await structure(source, pieceOctets)).toEqual(whole);
        const leaves = [...allParts(whole)].filter(({ parts }) => parts.length === 0);
        const contents = new Map(leaves.map((leaf) => [leaf, Buffer.alloc(0)]));
        for await (const { part, octets } of readParts(opener(source, pieceOctets), leaves)) {
          contents.set(part, Buffer.concat([contents.get(part)!, octets]));
        }
        for (const [leaf, content] of contents) {
          expect(content.length).toBe(leaf.decodedOctets);
          expect(content.equals(await readPart(opener(source), leaf))).toBe(true);
        }
      }),
      { numRuns: 150 },
    );
  });

  it('never fails for octets of any kind', async () => {
    const piece = fc.constantFrom(
      '--b',
      '--b--',
      '\r\n',
      '\n',
      '\r',
      'Content-Type: multipart/mixed; boundary=b',
      '-',
      'x',
      ':',
      ' ',
    );
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { maxLength: 60 }), fc.integer({ min: 1, max: 20 }), async (pieces, length) => {
        const source = pieces.join('');
        expect(outline(await structure(source, length), source)).toBe(outline(await structure(source), source));
      }),
      { numRuns: 500 },
    );
  });
});

describe('The body of a part', () => {
  /** Every part by its depth, with its body as in the source. */
  function bodies(part: MimePart, source: string, depth = 0): string[] {
    const body = source.slice(part.start, part.bodyEnd);
    const inner = [...part.parts, ...(part.message === undefined ? [] : [part.message])];
    return [
      `${'>'.repeat(depth)}${part.type}${JSON.stringify(body).replaceAll('\\r\\n', '|')}`,
      ...inner.flatMap((child) => bodies(child, source, depth + 1)),
    ];
  }

  function scanned(source: string, pieceOctets: number, limits: Partial<MimeLimits> = {}): MimePart {
    const all = { maxParts: 100, maxDepth: 50, maxHeaderBytes: 10_000, ...limits };
    const scanner = new MimeScanner(all, { embedded: true, lenient: true, undecoded: true });
    for (let at = 0; at < source.length; at += pieceOctets) {
      scanner.push(Buffer.from(source.slice(at, at + pieceOctets)));
    }
    return scanner.end();
  }

  it.each<[string, string[]]>([
    ['Subject: x\n\nbody\n', ['text/plain"body|"']],
    [
      `${mixed}preamble\n--b\n\none\n--b--\nepilogue\n`,
      ['multipart/mixed"preamble|--b||one|--b--|epilogue|"', '>text/plain"one"'],
    ],
    [`${mixed}nothing begins`, ['multipart/mixed"nothing begins"']],
    [
      `${mixed}--b\n${inner}--c\n\none\n--c--\nend\n--b\n\ntwo\n--b--`,
      [
        'multipart/mixed"--b|Content-Type: multipart/alternative; boundary=c||--c||one|--c--|end|--b||two|--b--"',
        '>multipart/alternative"--c||one|--c--|end"',
        '>>text/plain"one"',
        '>text/plain"two"',
      ],
    ],
    [
      `${mixed}--b\nContent-Type: message/rfc822\n\nSubject: x\n${inner}--c\n\none\n--b\n\ntwo`,
      [
        'multipart/mixed"--b|Content-Type: message/rfc822||Subject: x|Content-Type: multipart/alternative; boundary=c||--c||one|--b||two"',
        '>message/rfc822"Subject: x|Content-Type: multipart/alternative; boundary=c||--c||one"',
        '>>multipart/alternative"--c||one"',
        '>>>text/plain"one"',
        '>text/plain"two"',
      ],
    ],
    // The line end before a delimiter is not part of the message, even though it ends the header.
    [
      `${mixed}--b\nContent-Type: message/rfc822\n\nSubject: x\n\n--b--`,
      [
        'multipart/mixed"--b|Content-Type: message/rfc822||Subject: x||--b--"',
        '>message/rfc822"Subject: x|"',
        '>>text/plain""',
      ],
    ],
    [
      `${mixed}--b\nContent-Type: message/rfc822\n\n--b--`,
      ['multipart/mixed"--b|Content-Type: message/rfc822||--b--"', '>message/rfc822""', '>>text/plain""'],
    ],
    [
      'Content-Type: multipart/digest; boundary=b\n\n--b\n\nSubject: x\n\nbody\n--b--',
      ['multipart/digest"--b||Subject: x||body|--b--"', '>message/rfc822"Subject: x||body"', '>>text/plain"body"'],
    ],
    [
      'Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\nU3ViamVjdDogeA==',
      ['message/rfc822"U3ViamVjdDogeA=="'],
    ],
    ['Content-Type: message/rfc822\n\n', ['message/rfc822""', '>text/plain""']],
  ])('%j', (text, expected) => {
    const source = text.replaceAll('\n', '\r\n');
    for (const pieceOctets of [1, 2, 3, 7, 1000])
      expect(bodies(scanned(source, pieceOctets), source)).toEqual(expected);
    const bare = expected.map((each) => each.replaceAll('|', '\\n'));
    expect(bodies(scanned(text, 1000), text)).toEqual(bare);
  });

  it('is where the courier finds it, too', async () => {
    await fc.assert(
      fc.asyncProperty(generatedMessage, async ({ source }) => {
        for (const part of allParts(await structure(source))) {
          expect(part.message).toBeUndefined();
          if (part.parts.length === 0) expect(part.bodyEnd).toBe(part.end);
          else expect(part.bodyEnd).toBeGreaterThanOrEqual(Math.max(...part.parts.map((child) => child.bodyEnd)));
        }
      }),
      { numRuns: 50 },
    );
  });

  it('beyond the limits is content', () => {
    const three = `${mixed}--b\n\none\n--b\n\ntwo\n--b--`;
    expect(bodies(scanned(three, 7, { maxParts: 2 }), three).slice(1)).toEqual(['>text/plain"one"']);
    expect(bodies(scanned(three, 7, { maxParts: 3 }), three)).toHaveLength(3);
    const deep = `${mixed}--b\n${inner}--c\n\none`;
    expect(bodies(scanned(deep, 7, { maxDepth: 1 }), deep).slice(1)).toEqual(['>multipart/alternative"--c\\n\\none"']);
    const forwarded = 'Content-Type: message/rfc822\n\nContent-Type: message/rfc822\n\nx';
    expect(bodies(scanned(forwarded, 7, { maxDepth: 1 }), forwarded)).toHaveLength(2);
    expect(bodies(scanned(forwarded, 7, { maxParts: 1 }), forwarded)).toHaveLength(1);
    expect(bodies(scanned(forwarded, 7, { maxParts: 2 }), forwarded)).toHaveLength(2);
  });

  it('begins where so much of the header has been read as is allowed', () => {
    const long = `A: 1\nB: ${'2'.repeat(100)}\nContent-Type: text/html\n\nx`;
    for (const pieceOctets of [1, 7, 1000]) {
      const part = scanned(long, pieceOctets, { maxHeaderBytes: 20 });
      expect(part.header.raw.toString()).toBe('A: 1\n');
      expect(bodies(part, long)).toEqual([`text/plain${JSON.stringify(long.slice(5))}`]);
    }
    const exact = 'A: 1\n\nx';
    expect(scanned(exact, 1, { maxHeaderBytes: 6 }).header.hasEmptyLine).toBe(true);
    expect(scanned(exact, 1, { maxHeaderBytes: 5 }).header.hasEmptyLine).toBe(false);
  });

  it('is found in a message that is here as a whole, which is not decoded', () => {
    const source = `Content-Transfer-Encoding: base64\nContent-Type: message/rfc822x\n\nYQ==YQ==`;
    expect(readWholeMime(Buffer.from(source))).toMatchObject({
      decodedOctets: 0,
      defects: [],
      type: 'message/rfc822x',
    });
    const many = `${mixed}${'--b\n\nx\n'.repeat(6000)}`;
    expect(readWholeMime(Buffer.from(many)).parts).toHaveLength(4999);
  });
});

describe('A message is not read', () => {
  it('where it is not as long as was said', async () => {
    await expect(readMimeStructure(opener(Buffer.from('abc')), 4)).rejects.toMatchObject({
      name: 'MessageChangedError',
    });
  });

  it('where it has too many parts, or too deep ones', async () => {
    const many = `${mixed}${'--b\n\nx\n'.repeat(1000)}`;
    await expect(structure(many)).rejects.toMatchObject({ name: 'MimeTooComplexError' });
    const nest = (index: number) => `Content-Type: multipart/mixed; boundary=b${index}\n\n--b${index}\n`;
    const deep = Array.from({ length: 60 }, (_, index) => nest(index)).join('');
    await expect(structure(deep)).rejects.toMatchObject({ name: 'MimeTooComplexError' });
  });

  it('where its headers do not end', async () => {
    await expect(structure(`X: ${'y'.repeat(3_000_000)}`)).rejects.toMatchObject({ name: 'HeaderTooLargeError' });
    const header = `--b\nX: ${'y'.repeat(100_000)}\n\n`;
    await expect(structure(`${mixed}${header.repeat(30)}`)).rejects.toMatchObject({ name: 'HeaderTooLargeError' });
  });

  it('and says so where it became shorter since', async () => {
    const source = Buffer.from(`${mixed}--b\n\none\n--b\n\ntwo\n--b--\n`);
    const { parts } = await structure(source);
    const shorter = opener(source.subarray(0, source.length - 12));
    await expect(readPart(shorter, parts[1]!)).rejects.toMatchObject({ name: 'MessageChangedError' });
  });
});

it.each([
  ['<a@b>', 'a@b'],
  [' < a@b > ', 'a@b'],
  ['a@b', 'a@b'],
  ['picture <a@b>', 'picture <a@b>'],
  ['<a@b> (picture)', '<a@b> (picture)'],
  ['<>', undefined],
  ['', undefined],
])('The Content-ID %j of a part is read as %j', async (field, contentId) => {
  const part = await structure(`Content-Type: image/png\nContent-ID: ${field}\n\nPNG`);
  expect(part.contentId).toBe(contentId);
});
