import { expect, it } from 'vitest';
import { withoutBinary } from '../../../src/imap/append/without-binary.ts';

const message = (text: string): Buffer => Buffer.from(text.replaceAll('\n', '\r\n'), 'latin1');

it('binary parts become base64, wherever they stand, and nothing else changes', () => {
  const given = message(
    'Content-Type: multipart/mixed; boundary=b\nContent-Transfer-Encoding: binary\n\n--b\nContent-Type: a/b\n' +
      'Content-Transfer-Encoding: Binary\nX: y\n\n\0\xe4\n--b\n\nplain\n--b\nContent-Type: message/rfc822\n\n' +
      'Content-Transfer-Encoding: binary\n\n\0\n--b--\nbehind\n',
  );
  expect(withoutBinary(given).toString('latin1').replaceAll('\r\n', '\n')).toBe(
    'Content-Type: multipart/mixed; boundary=b\nContent-Transfer-Encoding: 8bit\n\n--b\nContent-Type: a/b\n' +
      'Content-Transfer-Encoding: base64\nX: y\n\nAOQ=\n\n--b\n\nplain\n--b\nContent-Type: message/rfc822\n\n' +
      'Content-Transfer-Encoding: base64\n\nAA==\n\n--b--\nbehind\n',
  );
});

it('a message without such parts is given back as it is', () => {
  const given = message('Subject: x\n\n\0 all the same\n');
  expect(withoutBinary(given)).toBe(given);
});
