/** Number of characters of a subject that are compared. */
const maxSubject = 1_000;

const blob = '\\[[^\\[\\]]*\\][ ]*';
const trailer = /(?:\(fwd\)| )$/i;
const leader = new RegExp(`^(?:${blob})*(?:re|fwd?)[ ]*(?:${blob})?:`, 'i');
const blobAtStart = new RegExp(`^${blob}`);

/** A subject without the marks of replies and forwarding. */
export interface BaseSubject {
  /** Empty if nothing is left. */
  readonly text: string;
  /** The subject contained `Re:`, `Fwd:`, `(fwd)` or the like. */
  readonly isReply: boolean;
}

/** Returns the base subject (RFC 5256 section 2.1). @param subject with its encoded-words decoded */
export function baseSubject(subject: string): BaseSubject {
  let text = subject.replace(/\s+/g, ' ').slice(0, maxSubject);
  let isReply = false;
  for (;;) {
    const before = text;
    text = withoutTrailers(text, () => {
      isReply = true;
    });
    text = withoutLeaders(text, () => {
      isReply = true;
    });
    if (/^\[fwd:.*\]$/i.test(text)) {
      text = text.slice('[fwd:'.length, -1);
      isReply = true;
    }
    if (text === before) return { text, isReply };
  }
}

function withoutTrailers(subject: string, replied: () => void): string {
  let text = subject;
  for (let found = trailer.exec(text); found !== null; found = trailer.exec(text)) {
    if (found[0] !== ' ') replied();
    text = text.slice(0, -found[0].length);
  }
  return text;
}

function withoutLeaders(subject: string, replied: () => void): string {
  let text = subject;
  for (;;) {
    const trimmed = text.trimStart();
    const reply = leader.exec(trimmed)?.[0];
    if (reply !== undefined) {
      replied();
      text = trimmed.slice(reply.length);
      continue;
    }
    // A mailing list's tag is removed, too, unless nothing else is left.
    const mark = blobAtStart.exec(trimmed)?.[0] ?? '';
    if (mark === '' || mark.length === trimmed.length) return trimmed;
    text = trimmed.slice(mark.length);
  }
}
