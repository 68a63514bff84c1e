import { describe, expect, it } from 'vitest';
import { ParsedMessage } from '../../../src/imap/fetch/parsed-message.ts';
import { fieldText, textsOf } from '../../../src/imap/search/texts.ts';

function parsed(octets: string | Buffer): ParsedMessage {
  return new ParsedMessage(Buffer.from(octets));
}

function decoded(value: string | Buffer): string {
  const [field] = parsed(Buffer.concat([Buffer.from('Subject: '), Buffer.from(value)])).root.header.fields;
  return fieldText(field!);
}

describe('headers', () => {
  it('are decoded for a search', () => {
    expect(decoded('=?iso-8859-1?Q?Gr=FC=DFe?= =?UTF-8?B?w7w=?= x')).toBe('Grüßeü x');
    expect(decoded('roh: ü')).toBe('roh: ü');
    expect(decoded(Buffer.from('roh: ü', 'latin1'))).toBe('roh: ü');
    expect(decoded('=?no-such-charset?Q?a?=')).toBe('a');
  });
});

describe('texts', () => {
  it('are found in every part, and decoded', () => {
    const message = [
      'Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Transfer-Encoding: quoted-printable\r\n',
      'Content-Type: text/plain; charset=iso-8859-1\r\n\r\nGr=FC=\r\n=DFe\r\n--b\r\nContent-Transfer-Encoding: base64\r\n',
      'Content-Type: text/html\r\n\r\nPGI+w7w8L2I+\r\n--b\r\nContent-Type: image/png\r\n\r\nno text\r\n',
      '--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: x\r\n\r\ninner\r\n--b--',
    ].join('');
    expect([...textsOf(parsed(message))]).toEqual(['Grüße', '<b>ü</b>', 'inner']);
  });

  it('of an unknown charset, and of a multipart without parts, are read nevertheless', () => {
    expect([...textsOf(parsed('Content-Type: text/plain; charset=x-none\r\n\r\nü'))]).toEqual(['ü']);
    expect([...textsOf(parsed('Content-Type: multipart/mixed; boundary=b\r\n\r\nlie'))]).toEqual(['lie']);
  });
});
