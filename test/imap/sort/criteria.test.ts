import { expect, test } from 'vitest';
import { type SortCriterion, sortFields } from '../../../src/imap/sort/criteria.ts';
import { sortedMessage } from '../../../src/imap/sort/order.ts';
import { HeaderBlock } from '../../../src/message/header/fields.ts';

const message = { uid: 7, flags: [], size: 1234, modseq: 1, receivedMs: 5_000 };
const header = HeaderBlock.parse(
  Buffer.from(
    'Date: Thu, 1 Jan 2026 10:00:00 +0000\r\nSubject: Figures\r\nFrom: Ann <a@b.c>\r\nTo: Bob <d@e.f>\r\nCc: Eve <g@h.i>\r\n\r\n',
  ),
);

test.each([
  ['ARRIVAL', [], 5_000],
  ['SIZE', [], 1234],
  ['DATE', ['Date'], Date.UTC(2026, 0, 1, 10)],
  ['SUBJECT', ['Subject'], 'FIGURES'],
  ['FROM', ['From'], 'A'],
  ['TO', ['To'], 'D'],
  ['CC', ['Cc'], 'G'],
  ['DISPLAYFROM', ['From'], 'ANN'],
  ['DISPLAYTO', ['To'], 'BOB'],
] as const)('%s needs only the fields %j', (name, fields, key) => {
  const criteria: SortCriterion[] = [{ name, reverse: false }];
  expect(sortFields(criteria)).toEqual(fields);
  const others = header.fields.filter((field) => !fields.some((each) => field.is(each)));
  const stripped = header.with(new Map(others.map((field) => [field, Buffer.alloc(0)])));
  expect(sortedMessage(message, stripped, criteria).keys).toEqual([key]);
});

test('fields that several criteria need are asked for once', () => {
  const names = ['SUBJECT', 'FROM', 'DISPLAYFROM', 'SIZE', 'SUBJECT'] as const;
  expect(sortFields(names.map((name) => ({ name, reverse: true })))).toEqual(['Subject', 'From']);
});
