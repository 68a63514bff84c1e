/**
 * The longest wait that a server can ask for. Microsoft's own throttling lasts minutes; a server that asks for years is
 * broken or malicious, and can ask again an hour later.
 */
export const longestRetryAfterMs = 60 * 60 * 1000;

/**
 * Parses `Retry-After` (RFC 9110 section 10.2.3), seconds or a date, to milliseconds from now: 0 to
 * {@link longestRetryAfterMs}. Undefined for anything else.
 * @param nowMs milliseconds since 1970
 */
export function parseRetryAfter(value: string | undefined, nowMs: number): number | undefined {
  const trimmed = value?.trim() ?? '';
  // Decimals are not in the standard, but have been seen.
  if (/^\d+(?:\.\d+)?$/.test(trimmed)) return capped(Math.ceil(Number(trimmed) * 1000));
  // A date contains the name of a month; Date.parse would take "-5" for a year.
  if (!/[A-Za-z]/.test(trimmed)) return undefined;
  const dateMs = Date.parse(trimmed);
  return Number.isNaN(dateMs) ? undefined : capped(dateMs - nowMs);
}

function capped(ms: number): number {
  return Math.min(Math.max(0, ms), longestRetryAfterMs);
}
