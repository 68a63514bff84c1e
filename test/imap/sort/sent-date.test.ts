import { expect, it } from 'vitest';
import { sentDate } from '../../../src/imap/sort/sent-date.ts';
import { HeaderBlock } from '../../../src/message/header/fields.ts';

const arrived = new Date('2026-11-30T00:00:00Z');
const sent = (date: string): string =>
  new Date(sentDate(HeaderBlock.parse(Buffer.from(`Date: ${date}\r\n\r\n`)), arrived.getTime())).toISOString();

it.each([
  ['Sun, 25 Mar 2007 00:30:00 +0200 (CEST)', '2007-03-24T22:30:00.000Z'],
  ['25 Mar 2007 00:30 GMT', '2007-03-25T00:30:00.000Z'],
  ['Mon, 5 Jan 26 10:15 XYZ', '2026-01-05T10:15:00.000Z'],
  ['Mon Jan  5 10:00:00 CET 2026', '2026-01-05T09:00:00.000Z'],
  ['yesterday', arrived.toISOString()],
  ['', arrived.toISOString()],
])('%s is %s', (date, time) => expect(sent(date)).toBe(time));
