import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type TransferEncoding, transferDecoder } from '../../../src/message/mime/decoders.ts';
import { quotedPrintable } from '../../../src/message/mime/encodings.ts';

/** Decoded in pieces of that many octets. */
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

  it('that goes on behind its padding is ambiguous', () => {
    expect(decode('base64', Buffer.from('aGU=\r\nbGxv'))).toEqual({ text: 'hello', isAmbiguous: true });
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
