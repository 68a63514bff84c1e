import type { RecipientOutcome } from './delivery.ts';

/** What was answered, in one line: Microsoft's words, behind the code where they do not hold it themselves. */
export function answerText({ code, text }: Pick<RecipientOutcome, 'code' | 'text'>): string {
  return text.includes(code) ? text : `${code} ${text}`.trimEnd();
}
