import { expect, it } from 'vitest';
import { compareDays, writtenDay } from '../../../src/imap/search/days.ts';

it.each([
  ['Sun, 25 Mar 2007 00:00:00 +0200', '2007-03-25'],
  ['25 Mar 2007 23:59:59 -1200', '2007-03-25'],
  ['Sun, 5-Mar-07 00:00:00 GMT', '2007-03-05'],
  ['1 January 99 10:00', '1999-01-01'],
  ['Sun (a day), 25 (twenty-five) Mar 2007 00:00:00 +0200', '2007-03-25'],
  ['2007-03-25T00:30:00+02:00', '2007-03-25'],
  ['Mon Jan  5 10:00:00 2026', '2026-01-05'],
  ['yesterday', undefined],
  ['', undefined],
])('the day written in "%s" is %s', (date, day) => expect(writtenDay(date)).toBe(day));

it('days are compared by the calendar', () => {
  expect(compareDays('2007-03-25', 'before', '2007-03-26')).toBe(true);
  expect(compareDays('2007-03-25', 'on', '2007-03-25')).toBe(true);
  expect(compareDays('2007-03-25', 'since', '2007-03-25')).toBe(true);
  expect(compareDays('2007-03-25', 'before', '2007-03-25')).toBe(false);
});
