const months = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];

/** `Sat, 24 Mar 2007`, including what older programs omit or write differently (RFC 5322 section 4.3). */
const written = /(?:^|[\s,])(\d{1,2})[\s-]+([a-z]{3})[a-z]*[\s-]+(\d{2,4})(?=\s|$)/i;

/**
 * Returns the day in a header's date, as `2007-03-24`: as written there, whatever its time zone (RFC 9051 section
 * 6.4.4, SENTON). Undefined if there is none.
 */
export function writtenDay(date: string): string | undefined {
  const [, day = '', month = '', year = ''] = written.exec(date.slice(0, 200).replace(/\([^()]*\)/g, ' ')) ?? [];
  const place = months.indexOf(month.toLowerCase());
  if (place < 0) return otherDay(date);
  return `${fullYear(year)}-${String(place + 1).padStart(2, '0')}-${day.padStart(2, '0')}`;
}

/** A date in a form that only Date can parse. */
function otherDay(text: string): string | undefined {
  const iso = /^\s*(\d{4}-\d\d-\d\d)(?!\d)/.exec(text)?.[1];
  if (iso !== undefined) return iso;
  const date = new Date(text.slice(0, 200));
  return Number.isNaN(date.getTime()) ? undefined : date.toISOString().slice(0, 10);
}

function fullYear(year: string): string {
  if (year.length === 4) return year;
  // RFC 5322 section 4.3.
  const value = Number(year);
  return String(year.length === 2 && value < 50 ? 2000 + value : 1900 + value);
}

/** Returns the day of INTERNALDATE, in the time zone used in responses. */
export function toldDay(date: Date): string {
  return date.toISOString().slice(0, 10);
}

export function compareDays(day: string, when: 'before' | 'on' | 'since', than: string): boolean {
  if (when === 'before') return day < than;
  return when === 'on' ? day === than : day >= than;
}
