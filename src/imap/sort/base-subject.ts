/** Subjects are compared by so many characters. */
const maxSubject = 1_000;

const blob = '\\[[^\\[\\]]*\\][ ]*';
const trailer = /(?:\(fwd\)| )$/i;
const leader = new RegExp(`^(?:${blob})*(?:re|fwd?)[ ]*(?:${blob})?:`, 'i');
const blobAtStart = new RegExp(`^${blob}`);

/** A subject without what replies and forwarding put around it. */
export interface BaseSubject {
  /** Empty where nothing is left. */
  readonly text: string;
  /** Something of `Re:`, `Fwd:` or `(fwd)` stood there. */
  readonly isReply: boolean;
}

/** The base subject (RFC 5256 section 2.1). @param subject with its encoded-words decoded */
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
    // A mailing list's mark goes, too, unless it is all there is.
    const mark = blobAtStart.exec(trimmed)?.[0] ?? '';
    if (mark === '' || mark.length === trimmed.length) return trimmed;
    text = trimmed.slice(mark.length);
  }
}
