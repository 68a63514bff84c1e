import { expect, test } from 'vitest';
import { HeaderBlock } from '../../../src/message/header/fields.ts';
import { listedHeader } from '../../../src/message/header/listed.ts';

function listed(fields: string) {
  return listedHeader(HeaderBlock.parse(Buffer.from(`${fields}\r\n`)));
}

test('a subject is decoded, on one line', () => {
  expect(listed('Subject: =?utf-8?Q?Rechnung_f=C3=BCr?=\r\n =?utf-8?B?IE3DpHJ6?=\r\n')).toEqual({
    subject: 'Rechnung für März',
  });
  expect(listed('Subject: a\r\n\tb  c\r\nMessage-ID: x <1@y> z\r\n')).toEqual({ subject: 'a b c', messageId: '<1@y>' });
});

test('what is not seen, and what turns text round, is not in it', () => {
  const subject = Buffer.from('pay \u202egpj.exe\u202c\u200b\u0007 now').toString('base64');
  expect(listed(`Subject: =?utf-8?B?${subject}?=\r\n`)).toEqual({ subject: 'pay gpj.exe now' });
});

test('a long one is cut between characters', () => {
  const { subject = '' } = listed(`Subject: ${'ab\u{1f600}'.repeat(300)}\r\n`);
  expect([...subject]).toHaveLength(200);
  expect(subject.isWellFormed()).toBe(true);
  expect(listed(`Message-ID: <${'x'.repeat(1000)}@y>\r\n`).messageId).toHaveLength(300);
});

test('a header without either, or with empty ones, gives nothing', () => {
  expect(listed('To: a@b.example\r\n')).toEqual({});
  expect(listed('Subject:  \r\nMessage-ID: none\r\n')).toEqual({});
});

test('a charset that nobody knows is read by guess', () => {
  expect(listed('Subject: =?x-odd?Q?caf=C3=A9?=\r\n')).toEqual({ subject: 'café' });
});
