/**
 * What a terminal, a log or a reply must not get from somebody else: control characters, line and paragraph separators,
 * and the characters that turn text around or stand for nothing.
 */
const unsafe = /[\p{Cc}\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]+/gu;

/** A text of somebody else, such as a server's refusal, on one line and fit to be shown. */
export function safeLine(text: string): string {
  return text.toWellFormed().replace(unsafe, ' ').replace(/\s+/g, ' ').trim();
}

/** The same for a text that may have several lines. */
export function safeText(text: string): string {
  return text.toWellFormed().replace(unsafe, (run) => (run.includes('\n') ? '\n' : ' '));
}
