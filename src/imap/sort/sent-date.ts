import { foreignDate } from '../../message/header/date.ts';
import type { HeaderBlock } from '../../message/header/fields.ts';

/**
 * Returns when a message was sent, in milliseconds UTC, or received if it has no readable date (RFC 5256 section 2.2).
 */
export function sentDate(header: HeaderBlock, receivedMs: number): number {
  const text = (header.get('Date') ?? '')
    .slice(0, 200)
    .replace(/\([^()]*\)/g, ' ')
    .trim();
  // An unknown time zone name counts as UTC (RFC 5322 section 4.3).
  for (const written of [text, text.replace(/(\d\d:\d\d(?::\d\d)?) +[a-z]+$/i, '$1 UTC')]) {
    const time = written === '' ? Number.NaN : new Date(written).getTime();
    if (!Number.isNaN(time)) return time;
  }
  return foreignDate(text)?.getTime() ?? receivedMs;
}
