import { describe, expect, it } from 'vitest';
import { foreignDate, isHeaderDate } from '../../../src/message/header/date.ts';

/** The offset from UTC in hours and minutes at noon of a day, `+05:45`, from the IANA time zone database. */
function offsetThere(place: string, day: string): string {
  const parts = new Intl.DateTimeFormat('en', { timeZone: place, timeZoneName: 'longOffset' });
  const name = parts.formatToParts(new Date(`${day}T12:00Z`)).find(({ type }) => type === 'timeZoneName')?.value ?? '';
  return name.replace('GMT', '') || '+00:00';
}

describe('What the date of Unix calls a time zone', () => {
  it.each([
    ['UTC', 'Etc/UTC', 'Jan'],
    ['WET', 'Europe/Lisbon', 'Jan'],
    ['WEST', 'Europe/Lisbon', 'Jul'],
    ['BST', 'Europe/London', 'Jul'],
    ['CET', 'Europe/Berlin', 'Jan'],
    ['CEST', 'Europe/Berlin', 'Jul'],
    ['MET', 'MET', 'Jan'],
    ['MEST', 'MET', 'Jul'],
    ['EET', 'Europe/Helsinki', 'Jan'],
    ['EEST', 'Europe/Helsinki', 'Jul'],
    ['SAST', 'Africa/Johannesburg', 'Jan'],
    ['CAT', 'Africa/Maputo', 'Jan'],
    ['EAT', 'Africa/Nairobi', 'Jan'],
    ['MSK', 'Europe/Moscow', 'Jan'],
    ['TRT', 'Europe/Istanbul', 'Jan'],
    ['PKT', 'Asia/Karachi', 'Jan'],
    ['NPT', 'Asia/Kathmandu', 'Jan'],
    ['WIB', 'Asia/Jakarta', 'Jan'],
    ['HKT', 'Asia/Hong_Kong', 'Jan'],
    ['PHT', 'Asia/Manila', 'Jan'],
    ['SGT', 'Asia/Singapore', 'Jan'],
    ['AWST', 'Australia/Perth', 'Jan'],
    ['JST', 'Asia/Tokyo', 'Jan'],
    ['KST', 'Asia/Seoul', 'Jan'],
    ['ACST', 'Australia/Darwin', 'Jan'],
    ['ACDT', 'Australia/Adelaide', 'Jan'],
    ['AEST', 'Australia/Brisbane', 'Jan'],
    ['AEDT', 'Australia/Sydney', 'Jan'],
    ['NZST', 'Pacific/Auckland', 'Jul'],
    ['NZDT', 'Pacific/Auckland', 'Jan'],
    ['BRT', 'America/Sao_Paulo', 'Jan'],
    ['ART', 'America/Argentina/Buenos_Aires', 'Jan'],
    ['NST', 'America/St_Johns', 'Jan'],
    ['NDT', 'America/St_Johns', 'Jul'],
    ['AKST', 'America/Anchorage', 'Jan'],
    ['AKDT', 'America/Anchorage', 'Jul'],
    ['HST', 'Pacific/Honolulu', 'Jan'],
    // From RFC 5322 section 4.3.
    ['UT', 'Etc/UTC', 'Jan'],
    ['GMT', 'Etc/UTC', 'Jan'],
    ['EST', 'America/New_York', 'Jan'],
    ['EDT', 'America/New_York', 'Jul'],
    ['CST', 'America/Chicago', 'Jan'],
    ['CDT', 'America/Chicago', 'Jul'],
    ['MST', 'America/Denver', 'Jan'],
    ['MDT', 'America/Denver', 'Jul'],
    ['PST', 'America/Los_Angeles', 'Jan'],
    ['PDT', 'America/Los_Angeles', 'Jul'],
  ])('%s is the time of %s in %s', (zone, place, month) => {
    const day = `2025-${month === 'Jan' ? '01' : '07'}-05`;
    const expected = new Date(`${day}T10:00:00${offsetThere(place, day)}`);
    expect(foreignDate(`${month}  5 10:00:00 ${zone} 2025`)).toEqual(expected);
  });
});

describe('A date is read in the form of C or of ISO 8601', () => {
  const morning = new Date('2026-01-05T10:00Z');
  it.each([
    ['Mon Jan  5 10:00:00 2026 UTC', morning],
    ['Mon Jan  5 10:00 UTC 2026', morning],
    ['Mon January  5 10:00 UTC 2026', morning],
    ['MON JAN  5 10:00 utc 2026', morning],
    ['Jan 05 10:00 AM UTC 2026', morning],
    ['Jan 5 10:00 pm UTC 2026', new Date('2026-01-05T22:00Z')],
    ['2026-01-05T10:00Z', morning],
    ['2026-01-05T10:00:00Z', morning],
    ['2026-01-05T10:00:00.000Z', morning],
    ['2026-01-05 11:00+01:00', morning],
    ['2026-01-05T11:00:00+0100', morning],
  ])('%s', (value, expected) => {
    expect(foreignDate(value)).toEqual(expected);
  });

  it.each([
    '',
    '2026-01-05',
    '2026-13-05T10:00Z',
    '(scanned) 2026-01-05 10:00',
    '2026-01-05 10:00 (scanned)',
    '2026-01-05 10:00 AM',
    '(scanned) Jan 5 10:00 UTC 2026',
    'Jan 5 10:00 UTC 2026 (scanned)',
    'Jan 5 10:00 UTC 2026 +0100',
    'Jan 5 10:00 UTC 2026 UTC',
    'Jan 32 10:00 UTC 2026',
    'Jan 5 24:00 UTC 2026',
    'Jan 5 10:00 UTC 26',
    'Foo 5 10:00 UTC 2026',
  ])('and in no other: %j', (value) => {
    expect(foreignDate(value)).toBeUndefined();
  });
});

describe('A Date field', () => {
  it.each([
    '5 Jan 2026 10:00',
    '5 (fifth) Jan (of winter) 2026 10:00',
    'Mon, 5 Jan 2026 10:00:60 +0000 (leap second)',
    '31-DEC-99 23:59 EST',
    '01 september 2026 0:00',
  ])('is sound as %j', (value) => {
    expect(isHeaderDate(value)).toBe(true);
  });

  it.each([
    '',
    'x, 5 Jan 2026 10:00',
    'at 5 Jan 2026 10:00',
    'Mon, 5 Jan 2026',
    'Mon, 5 Jan 2 10:00',
    '32 Jan 2026 10:00',
    '00 Jan 2026 10:00',
    '5 Jan 2026 10:60',
    '5 Jan 2026 10:00:00:00',
    '5 Jan 2026 10:000',
    '5 Foo 2026 10:00',
  ])('is not as %j', (value) => {
    expect(isHeaderDate(value)).toBe(false);
  });
});
