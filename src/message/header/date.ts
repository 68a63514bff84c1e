const month = '(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*';
const day = '(?:0?[1-9]|[12]\\d|3[01])';
const time = '(?:[01]?\\d|2[0-3]):[0-5]\\d(?::(?:[0-5]\\d|60))?';
/** No two gaps of unbounded length are adjacent: hostile dates would take quadratic time. */
const sound = new RegExp(
  `^(?:[a-z]{3,9}\\.?\\s*(?:,\\s*)?)?${day}[\\s-]+${month}[\\s-]+\\d{2,4}\\s+${time}(?![:\\d])`,
  'i',
);
const iso = /^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?$/;
const zone = '[a-z]{1,5}|[+-]\\d{4}';
const asctime = new RegExp(
  `^(?:[a-z]{3}\\s+)?(${month}\\s+${day})\\s+(${time}(?:\\s[ap]m)?)(?:\\s+(${zone}))?\\s+(\\d{4})(?:\\s+(${zone}))?$`,
  'i',
);

/**
 * Names of time zones used by Unix `date` besides those of RFC 5322 section 4.3, in hours east of UTC, if the name is
 * unambiguous. `IST` is used in India, Israel and Ireland, so it is not included.
 */
const zoneHours: Readonly<Record<string, number>> = {
  ...{
    UTC: 0,
    WET: 0,
    WEST: 1,
    BST: 1,
    CET: 1,
    MET: 1,
    CEST: 2,
    MEST: 2,
    EET: 2,
    SAST: 2,
    CAT: 2,
    EEST: 3,
    EAT: 3,
    MSK: 3,
    TRT: 3,
  },
  ...{
    PKT: 5,
    NPT: 5.75,
    WIB: 7,
    HKT: 8,
    PHT: 8,
    SGT: 8,
    AWST: 8,
    JST: 9,
    KST: 9,
    ACST: 9.5,
    ACDT: 10.5,
    AEST: 10,
    AEDT: 11,
  },
  ...{ NZST: 12, NZDT: 13, BRT: -3, ART: -3, NST: -3.5, NDT: -2.5, AKST: -9, AKDT: -8, HST: -10 },
};

/** Tells whether a date is written as RFC 5322 sections 3.3 and 4.3 allow, or nearly so: `Mon, 5 Jan 26 10:15 CET`. */
export function isHeaderDate(value: string): boolean {
  return sound.test(value.replace(/\([^()]*\)/g, ' ').trim());
}

/**
 * Parses a date that a program wrote in another form: that of ISO 8601, or that of C and of Unix `date`, `Mon Jan 5
 * 10:00:00 2026` and `Mon Jan 5 10:00:00 AM CET 2026`. Without a time zone, this machine's is assumed. Undefined for
 * anything else, and for an ambiguous or unknown zone.
 */
export function foreignDate(value: string): Date | undefined {
  const [, monthAndDay, clock, zoneBefore, year, zoneBehind] = asctime.exec(value) ?? [];
  if (monthAndDay === undefined) return iso.test(value) ? validDate(value) : undefined;
  if (zoneBefore !== undefined && zoneBehind !== undefined) return undefined;
  const zone = zoneBefore ?? zoneBehind ?? '';
  const hours = zoneHours[zone.toUpperCase()];
  const date = validDate(`${monthAndDay} ${year} ${clock} ${hours === undefined ? zone : 'UTC'}`);
  return date && new Date(date.getTime() - (hours ?? 0) * 3_600_000);
}

function validDate(text: string): Date | undefined {
  const date = new Date(text);
  return Number.isNaN(date.getTime()) ? undefined : date;
}
