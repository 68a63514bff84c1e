import type { HeaderBlock } from '../message/header/fields.ts';

/**
 * Whether a message is itself an answer or a report, of another machine or of our own making: to answer that would start
 * a conversation between machines (RFC 3834 section 2, RFC 3464 section 2).
 */
export function isAnswer(header: HeaderBlock): boolean {
  return (
    /^auto-(?:replied|notified)\b/i.test(header.get('Auto-Submitted') ?? '') ||
    /^multipart\/report\b/i.test(header.get('Content-Type') ?? '')
  );
}

/**
 * Whether nobody sits behind a message who waits for it: a program's, a mailing list's or a bulk sender's. Its failure
 * is still reported, for somebody has to hear of it; what is less than a failure is not.
 */
export function isAutomatic(header: HeaderBlock): boolean {
  const autoSubmitted = header.get('Auto-Submitted') ?? 'no';
  return (
    !/^no\b/i.test(autoSubmitted) ||
    /^(?:bulk|list|junk)\b/i.test(header.get('Precedence') ?? '') ||
    header.fields.some((field) => /^list-(?:id|post|unsubscribe|help|owner|subscribe|archive)$/i.test(field.name))
  );
}
