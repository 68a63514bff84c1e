import type { HeaderBlock } from '../message/header/fields.ts';

/**
 * Whether a message is itself an answer or a report, made by another machine or by the bridge: answering it would start
 * a conversation between machines (RFC 3834 section 2, RFC 3464 section 2).
 */
export function isAnswer(header: HeaderBlock): boolean {
  return (
    /^auto-(?:replied|notified)\b/i.test(header.get('Auto-Submitted') ?? '') ||
    /^multipart\/report\b/i.test(header.get('Content-Type') ?? '')
  );
}

/**
 * Whether no person waits for the outcome of a message: it comes from a program, a mailing list or a bulk sender. Its
 * failure is still reported, because somebody has to know; anything less is not.
 */
export function isAutomatic(header: HeaderBlock): boolean {
  const autoSubmitted = header.get('Auto-Submitted') ?? 'no';
  return (
    !/^no\b/i.test(autoSubmitted) ||
    /^(?:bulk|list|junk)\b/i.test(header.get('Precedence') ?? '') ||
    header.fields.some((field) => /^list-(?:id|post|unsubscribe|help|owner|subscribe|archive)$/i.test(field.name))
  );
}
