import type { RecipientOutcome } from './delivery.ts';

/** Returns an answer on one line: Microsoft's text, preceded by the code unless the text contains it. */
export function answerText({ code, text }: Pick<RecipientOutcome, 'code' | 'text'>): string {
  return text.includes(code) ? text : `${code} ${text}`.trimEnd();
}
