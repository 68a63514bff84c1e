import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type TransferEncoding, transferDecoder } from '../../../src/message/mime/decoders.ts';
import { quotedPrintable } from '../../../src/message/mime/encodings.ts';

/** Decoded in pieces of this many octets. */
function decode(encoding: TransferEncoding, octets: Buffer, pieceOctets = octets.length || 1) {
  const decoder = transferDecoder(encoding);
  const pieces: Buffer[] = [];
  for (let at = 0; at < octets.length; at += pieceOctets) {
    pieces.push(Buffer.from(decoder.push(octets.subarray(at, at + pieceOctets))));
  }
  const text = Buffer.concat([...pieces, decoder.end()]);
  return { text: text.toString('latin1'), isAmbiguous: decoder.isAmbiguous };
}

describe('base64', () => {
  it.each([
    ['aGVs\r\nbG8=\r\n', 'hello'],
    ['aGVsbG8', 'hello'],
    ['aGVsbG', 'hell'],
    ['aGVsb', 'hel'],
    [' a-G!V_s\tbG8 ==', 'hello'],
    ['', ''],
    ['=', ''],
  ])('%j is %j', (encoded, text) => {
    expect(decode('base64', Buffer.from(encoded))).toEqual({ text, isAmbiguous: false });
  });

  it.each([
    ['aGU=\r\nbGxv', 'hello'],
    ['aA==ZQ==', 'he'],
    ['aA=ZQ', 'he'],
    ['=aGVs', 'hel'],
    ['a=GVs', '\x19\x5b'.slice(0, 1).concat('[')],
  ])('%j, which goes on behind its padding, is %j and ambiguous, in whatever pieces', (encoded, text) => {
    for (let length = 1; length <= encoded.length; length++) {
      expect(decode('base64', Buffer.from(encoded), length)).toEqual({ text, isAmbiguous: true });
    }
  });

  it.each(['aA==', 'aA=', 'aGU=', 'aGU=\r\n', 'aGVs===='])('%j ends with its padding', (encoded) => {
    expect(decode('base64', Buffer.from(encoded), 1)).toMatchObject({ isAmbiguous: false });
  });

  it('has the alphabet of RFC 2045 table 1', () => {
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
    const octets = Buffer.from(decode('base64', Buffer.from(alphabet)).text, 'latin1');
    const sextets = [...octets]
      .map((octet) => octet.toString(2).padStart(8, '0'))
      .join('')
      .match(/.{6}/g);
    expect(sextets?.map((bits) => Number.parseInt(bits, 2))).toEqual([...Array(64).keys()]);
  });

  it('gives back every octet, in whatever pieces and lines it comes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 500 }), fc.integer({ min: 1, max: 90 }), (octets, length) => {
        const encoded = Buffer.from(octets).toString('base64').replace(/.{76}/g, '$&\r\n');
        const { text } = decode('base64', Buffer.from(encoded), length);
        expect(text).toBe(Buffer.from(octets).toString('latin1'));
      }),
    );
  });
});

describe('quoted-printable', () => {
  it.each([
    ['Gr=C3=BC=c3=9fe', 'Gr\xc3\xbc\xc3\x9fe'],
    ['one=\r\ntwo=  \t\r\nthree=\nfour', 'onetwothreefour'],
    ['blank \t \r\nend \t', 'blank\r\nend'],
    ['a  b', 'a  b'],
    ['a=', 'a'],
    ['a=\r\n', 'a'],
    ['100=% =zz =4', '100=% =zz =4'],
    ['= x', '= x'],
    ['==41', '=A'],
    ['a\rb \r c', 'a\rb \r c'],
    ['a \r', 'a \r'],
    ['a=\r', 'a=\r'],
    ['a=\rb', 'a=\rb'],
    ['a= \tb', 'a= \tb'],
    ['a=\t\nb', 'ab'],
    ['a \nb', 'a\nb'],
    ['a =\r\n b', 'a  b'],
    ['a=4', 'a=4'],
    ['a=4 ', 'a=4'],
    ['a=\r\n\r\nb', 'a\r\nb'],
    ['\t=20\r\n', '\t \r\n'],
    // The digits, and their neighbours in ASCII.
    ['=30=39=41=46=61=66=0a=0f=A0=F9', '09AFaf\n\x0f\xa0\xf9'],
    ['=/0=:0=@0=G0=`0=g0', '=/0=:0=@0=G0=`0=g0'],
    ['=0/=0:=0@=0G=0`=0g', '=0/=0:=0@=0G=0`=0g'],
  ])('%j is %j, in whatever pieces', (encoded, text) => {
    for (let length = 1; length <= encoded.length; length++) {
      expect(decode('quoted-printable', Buffer.from(encoded), length).text).toBe(text);
    }
  });

  it('is the same in whatever pieces, however much white space stands at the end of a line', () => {
    const blanks = fc.integer({ min: 1990, max: 2010 }).chain((length) => fc.constantFrom(length, 2 * length, 3));
    const piece = fc.oneof(
      blanks.map((length) => ' '.repeat(length)),
      fc.constantFrom('=', '\t', '\r\n', '\r', '\n', 'x', '=4', '1'),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 8 }), fc.integer({ min: 1, max: 3000 }), (pieces, length) => {
        const encoded = Buffer.from(pieces.join(''));
        expect(decode('quoted-printable', encoded, length)).toEqual(decode('quoted-printable', encoded));
      }),
      { numRuns: 500 },
    );
  });

  it('has white space of 2,000 characters for text, though a line ends behind it', () => {
    const blanks = ' '.repeat(1999);
    for (const length of [1, 700, 10_000]) {
      const text = (encoded: string) => decode('quoted-printable', Buffer.from(encoded), length).text;
      expect(text(`a${blanks}\r\nb`)).toBe('a\r\nb');
      expect(text(`a${blanks} \r\nb`)).toBe(`a${blanks} \r\nb`);
      expect(text(`a${blanks}`)).toBe('a');
      expect(text(`a${blanks} `)).toBe(`a${blanks} `);
      expect(text(`a=${blanks}\r\nb`)).toBe('ab');
      expect(text(`a=${blanks} \r\nb`)).toBe(`a=${blanks} \r\nb`);
    }
  });

  it('gives back every octet', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 500 }), fc.integer({ min: 1, max: 90 }), (octets, length) => {
        const { text } = decode('quoted-printable', quotedPrintable(Buffer.from(octets)), length);
        expect(text).toBe(Buffer.from(octets).toString('latin1'));
      }),
    );
  });

  it('takes linear time for what begins nothing', () => {
    for (const piece of ['=', ' ', '= ', '=4', ' \r']) {
      const encoded = Buffer.from(piece.repeat(500_000));
      expect(decode('quoted-printable', encoded, 64 * 1024).text.length).toBeGreaterThan(-1);
    }
  });
});

it.each<TransferEncoding>(['7bit', '8bit', 'binary'])('%s is passed on as it is', (encoding) => {
  expect(decode(encoding, Buffer.from('=41 \r\nYQ==\xff', 'latin1'), 3)).toEqual({
    text: '=41 \r\nYQ==\xff',
    isAmbiguous: false,
  });
});
