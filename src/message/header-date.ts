const month = '(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*';
const day = '(?:0?[1-9]|[12]\\d|3[01])';
const time = '(?:[01]?\\d|2[0-3]):[0-5]\\d(?::(?:[0-5]\\d|60))?';
/** No two gaps that can be as long as they like stand side by side: hostile dates would take quadratic time. */
const sound = new RegExp(
  `^(?:[a-z]{3,9}\\.?\\s*(?:,\\s*)?)?${day}[\\s-]+${month}[\\s-]+\\d{2,4}\\s+${time}(?![:\\d])`,
  'i',
);
const iso = /^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?$/;
const asctime = new RegExp(
  `^(?:[a-z]{3}\\s+)?(${month}\\s+${day})\\s+(${time}(?:\\s[ap]m)?)(?:\\s+([a-z]{3,4}|[+-]\\d{4}))?\\s+(\\d{4})$`,
  'i',
);

/** Whether a date is written as RFC 5322 sections 3.3 and 4.3 allow, or nearly so: `Mon, 5 Jan 26 10:15 CET`. */
export function isHeaderDate(value: string): boolean {
  return sound.test(value.replace(/\([^()]*\)/g, ' ').trim());
}

/**
 * A date that a program wrote in another form: that of ISO 8601, or that of C and of the `date` of Unix, `Mon Jan  5
 * 10:00:00 2026` and `Mon Jan  5 10:00:00 AM UTC 2026`. Without a time zone it is taken for that of this machine; of
 * zones with a name those of RFC 5322 section 4.3 are known. Undefined for anything else.
 */
export function foreignDate(value: string): Date | undefined {
  const [, monthAndDay, clock, zone = '', year] = asctime.exec(value) ?? [];
  if (monthAndDay !== undefined) return validDate(`${monthAndDay} ${year} ${clock} ${zone}`);
  return iso.test(value) ? validDate(value) : undefined;
}

function validDate(text: string): Date | undefined {
  const date = new Date(text);
  return Number.isNaN(date.getTime()) ? undefined : date;
}
