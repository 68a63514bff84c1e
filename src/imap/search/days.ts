const months = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];

/** `Sat, 24 Mar 2007` with what older programs leave out or write otherwise (RFC 5322 section 4.3). */
const written = /(?:^|[\s,])(\d{1,2})[\s-]+([a-z]{3})[a-z]*[\s-]+(\d{2,4})(?=\s|$)/i;

/**
 * The day a header's date names, as `2007-03-24`: as it is written there, whatever its time zone (RFC 9051 section
 * 6.4.4, SENTON). Undefined where it names none.
 */
export function writtenDay(date: string): string | undefined {
  const [, day = '', month = '', year = ''] = written.exec(date.slice(0, 200).replace(/\([^()]*\)/g, ' ')) ?? [];
  const place = months.indexOf(month.toLowerCase());
  if (place < 0) return otherDay(date);
  return `${fullYear(year)}-${String(place + 1).padStart(2, '0')}-${day.padStart(2, '0')}`;
}

/** A date in a form that only Date knows. */
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

/** The day of INTERNALDATE, in the time zone in which it is told. */
export function toldDay(date: Date): string {
  return date.toISOString().slice(0, 10);
}

export function compareDays(day: string, when: 'before' | 'on' | 'since', than: string): boolean {
  if (when === 'before') return day < than;
  return when === 'on' ? day === than : day >= than;
}
